package web

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

type homeView struct {
	SignedIn bool
	SignOut  string
	Account  string
}

// showHome answers people who open the issuer's own address.
func (s *server) showHome(c echo.Context) error {
	sess, err := s.session(c)
	if err != nil {
		return err
	}
	return s.pages.render(c, page{
		name: "home", status: http.StatusOK, title: s.texts.HomeTitle, alone: true,
		view: homeView{SignedIn: sess != nil, SignOut: s.url(pathLogout), Account: s.url(pathAccount)},
	})
}
