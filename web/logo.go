package web

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"net/http"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"

	"signet/authz"
	"signet/clients"
)

// logos finds the pictures of clients. *authz.Provider does.
type logos interface {
	// Logo returns a logo by its client and the key of its URI, or
	// authz.ErrNoLogo.
	Logo(ctx context.Context, clientID, key string) (authz.Logo, clients.Client, error)
}

// logoURL is where a page gets the logo of a client from: this server. It is
// authentic, so that nobody can have a logo fetched of whose client no page was
// shown, and names the logo_uri, so that another logo has another URL. It has
// no host, as in assetURL.
func (s *server) logoURL(c clients.Client) string {
	if c.LogoURI == "" {
		return ""
	}
	id, key := base64.RawURLEncoding.EncodeToString([]byte(c.ID)), authz.LogoKey(c.LogoURI)
	return s.base + pathLogo + id + "." + key + "." + s.seal.Token("logo", c.ID, key)
}

// serveLogo shows the logo of a client. Where the picture cannot be had, it
// answers 404 with the client's initials, which browsers show all the same: the
// page needs no script to do without.
func (s *server) serveLogo(c echo.Context) error {
	parts := strings.Split(c.Param("logo"), ".")
	if len(parts) != 3 {
		return echo.ErrNotFound
	}
	id, err := base64.RawURLEncoding.Strict().DecodeString(parts[0])
	if err != nil || !s.seal.Check(parts[2], "logo", string(id), parts[1]) {
		return echo.ErrNotFound
	}
	logo, client, err := s.logos.Logo(c.Request().Context(), string(id), parts[1])
	h := c.Response().Header()
	// A stranger made it: whatever it is, it may do nothing, and be part of no
	// page but ours.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	switch {
	case errors.Is(err, authz.ErrNoLogo) && client.ID != "":
		h.Set("Cache-Control", "private, max-age=60")
		return c.Blob(http.StatusNotFound, "image/svg+xml", []byte(initialsPicture(initials(appName(client)))))
	case errors.Is(err, authz.ErrNoLogo):
		return echo.ErrNotFound
	case err != nil:
		return err
	}
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
	h.Set("Cache-Control", "private, max-age=3600")
	return c.Blob(http.StatusOK, logo.ContentType, logo.Body)
}

// initials are one or two letters that stand for an app without a logo. Two
// only in scripts with capitals: elsewhere two letters may join, or be a word.
func initials(name string) string {
	var letters []rune
	for word := range strings.FieldsSeq(name) {
		for _, r := range word {
			if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				continue
			}
			if len(letters) > 0 && !unicode.IsUpper(unicode.ToUpper(r)) {
				return string(letters)
			}
			letters = append(letters, unicode.ToUpper(r))
			break
		}
		if len(letters) == 2 || len(letters) == 1 && !unicode.IsUpper(letters[0]) {
			break
		}
	}
	return string(letters)
}

// initialsPicture draws initials as .mark in style.css does.
func initialsPicture(letters string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" width="48" height="48"><style>`+
		`rect{fill:#f7f5f1}text{fill:#5f5952;font:600 18px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}`+
		`@media(prefers-color-scheme:dark){rect{fill:#171614}text{fill:#aca59b}}</style>`+
		`<rect width="48" height="48"/><text x="24" y="30.5" text-anchor="middle">%s</text></svg>`, html.EscapeString(letters))
}
