package web

import (
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"
)

// health answers load balancers: 200 when the server can work, else 503. Why
// it cannot stands in the log; strangers need not know.
func (s *server) health(c echo.Context) error {
	ctx := c.Request().Context()
	if err := s.cfg.Ready(ctx); err != nil {
		s.cfg.Logger.LogAttrs(ctx, slog.LevelError, "not ready",
			slog.String("request_id", requestID(c)), slog.Any("error", err))
		return c.String(http.StatusServiceUnavailable, "not ready\n")
	}
	return c.String(http.StatusOK, "ok\n")
}
