package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"time"

	"github.com/labstack/echo/v4"
)

//go:embed static
var staticFiles embed.FS

// asset is one static file, with the hash that names this version of it.
type asset struct {
	body              []byte
	hash, contentType string
}

// loadStatic reads every static file once. What is not in this map does not
// exist: there is no directory to list and no path to climb.
func loadStatic() (map[string]asset, error) {
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		return nil, err
	}
	out := make(map[string]asset, len(entries))
	for _, e := range entries {
		body, err := staticFiles.ReadFile("static/" + e.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(body)
		out[e.Name()] = asset{body, hex.EncodeToString(sum[:8]), contentType(e.Name())}
	}
	return out, nil
}

// contentType does not ask the machine it runs on for our own three types.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// assetURL names the version, so that browsers may keep it for ever. It has no
// host: a page looks right also where it is reached by another name than the
// issuer's, such as localhost, which the policy of 'self' would refuse to mix.
func (s *server) assetURL(name string) string {
	return s.base + pathStatic + name + "?v=" + s.static[name].hash
}

func (s *server) serveStatic(c echo.Context) error {
	a, ok := s.static[c.Param("name")]
	if !ok {
		return echo.ErrNotFound
	}
	h := c.Response().Header()
	h.Set("Content-Type", a.contentType)
	h.Set("ETag", `"`+a.hash+`"`)
	// Asked for by another version's name, while servers are being replaced,
	// this one is good enough for now but not for ever.
	h.Set("Cache-Control", "no-cache")
	if c.QueryParam("v") == a.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(a.body))
	return nil
}
