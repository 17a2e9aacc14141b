package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"signet/authz/login"
)

// browserLifetime is how long a browser keeps its id after it last began to
// sign in: longer than any flow, so that a flow never outlives it.
const browserLifetime = 30 * 24 * time.Hour

// cookieNames are the names of our three cookies.
//
// With https they carry the prefixes of RFC 6265bis, section 4.1.3: a sibling
// subdomain can plant no "__Host-" cookie, so it cannot make a browser carry
// somebody else's session or browser id. The flow cookie has a path and can
// only be "__Secure-"; what binds it is the browser id it is sealed to.
type cookieNames struct{ browser, session, flow string }

func newCookieNames(secure bool, base string) cookieNames {
	host, flow := "", ""
	if secure {
		host, flow = "__Host-", "__Secure-"
	}
	suffix := ""
	if base != "" {
		// Issuers that share a host would overwrite each other's cookies.
		sum := sha256.Sum256([]byte(base))
		suffix = "_" + hex.EncodeToString(sum[:4])
	}
	return cookieNames{host + "signet_browser" + suffix, host + "signet_session" + suffix, flow + "signet_flow"}
}

// setCookie sets a cookie that scripts cannot read and that other sites send
// only when a person follows a link here. lifetime 0 lasts as long as the
// browser runs; a negative one deletes the cookie.
func (s *server) setCookie(c echo.Context, name, value, path string, lifetime time.Duration) {
	c.SetCookie(&http.Cookie{
		Name: name, Value: value, Path: path, MaxAge: int(lifetime.Seconds()),
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}

// browserID returns the id of this browser, or "" when it has none.
func (s *server) browserID(c echo.Context) string {
	ck, err := c.Cookie(s.names.browser)
	if err != nil || !isID(ck.Value) {
		return ""
	}
	return ck.Value
}

// ensureBrowser returns the id of this browser and gives it one if need be.
func (s *server) ensureBrowser(c echo.Context) (string, error) {
	id := s.browserID(c)
	if id == "" {
		var err error
		if id, err = newID(s.cfg.Rand); err != nil {
			return "", err
		}
	}
	s.setCookie(c, s.names.browser, id, "/", browserLifetime)
	return id, nil
}

// sessionToken returns the secret in the session cookie, "" without one.
func (s *server) sessionToken(c echo.Context) string {
	ck, err := c.Cookie(s.names.session)
	if err != nil {
		return ""
	}
	return ck.Value
}

// setSession keeps the secret of a session, for a lifetime as in setCookie.
// keepSession gives the browser the token of a session: for as long as it runs,
// or longer where the person asked for that.
func (s *server) keepSession(c echo.Context, sess *login.Session, token string) {
	var keep time.Duration
	if sess.Device.Remembered {
		keep = s.sessionLists.Remembers()
	}
	s.setCookie(c, s.names.session, token, "/", keep)
}

func (s *server) clearSession(c echo.Context) {
	s.setCookie(c, s.names.session, "", "/", -time.Second)
}

// newID makes 128 random bits in base64url, 22 characters.
func newID(rand io.Reader) (string, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(rand, b); err != nil {
		return "", fmt.Errorf("reading randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// isID reports whether s could have come from newID.
func isID(s string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == 16
}
