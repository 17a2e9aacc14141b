package web

import (
	"html/template"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"signet/authz"
)

// framesFor is how long the browser stays at the page of frames, in seconds,
// before it goes on by itself.
const framesFor = "3"

type framesView struct {
	// Frames are URLs of apps, and Continue is a post_logout_redirect_uri, empty
	// for none. All have matched what is registered, where no script and no data
	// can be; Continue may have a private-use scheme, which a template would take
	// for an attack.
	Frames   []string
	Continue template.URL
}

// showFrames is the logged-out page of a person whose apps have a
// frontchannel_logout_uri (OpenID Connect Front-Channel Logout 1.0, section 3).
// Each is loaded in a frame, and none can lead the page elsewhere. It goes on by
// itself, by a header that needs no script; however long an app takes, the person
// can go on at once.
func (s *server) showFrames(c echo.Context, frames []string, out authz.Logout) error {
	v := framesView{Frames: frames, Continue: template.URL(out.RedirectURI)}
	var origins []string
	for _, frame := range frames {
		u, err := url.Parse(frame)
		if err != nil {
			return err
		}
		origins = append(origins, u.Scheme+"://"+u.Host)
	}
	if out.RedirectURI != "" {
		c.Response().Header().Set("Refresh", framesFor+"; url="+out.RedirectURI)
	}
	return s.pages.render(c, page{
		name: "logout_frames", status: http.StatusOK, title: s.texts.LoggedOutHeading, frames: unique(origins...), view: v,
	})
}
