package web

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// Check is one thing that the server needs in order to work.
type Check struct {
	// Name says what it is, to anyone who asks.
	Name string
	// OK returns why it does not work, for the log alone.
	OK func(context.Context) error
}

// alive answers whoever restarts servers that hang. It looks at nothing: a
// restart would not bring a lost database back.
func (s *server) alive(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// ready answers load balancers: 200 when the server can work, else 503 and what
// is amiss. The reason stands in the log; strangers need not know.
func (s *server) ready(c echo.Context) error {
	ctx := c.Request().Context()
	var amiss []string
	for _, check := range s.cfg.Checks {
		if err := check.OK(ctx); err != nil {
			amiss = append(amiss, check.Name)
			s.cfg.Logger.LogAttrs(ctx, slog.LevelError, "not ready: "+check.Name,
				slog.String("request_id", requestID(c)), slog.Any("error", err))
		}
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	if len(amiss) > 0 {
		return c.String(http.StatusServiceUnavailable, "not ready: "+strings.Join(amiss, ", ")+"\n")
	}
	return c.String(http.StatusOK, "ready\n")
}
