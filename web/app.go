package web

import (
	"net"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/authz"
	"signet/clients"
)

// appView is who asks, as the sign-in and the consent page show it (OpenID
// Connect Registration, section 2: logo_uri, client_uri, policy_uri, tos_uri).
type appView struct {
	// Name is what the app calls itself; Logo is where its picture is, and
	// Initials stand in for one.
	Name, Initials, Logo string
	// Host says where the app lives. Return is a sentence, set when the answer
	// goes to another place, and Publisher the website that vouches for the app.
	Host, Return, Publisher string
	// Warning says that the app runs on this device, where others can pass for it.
	Warning       string
	Policy, Terms string
}

// app describes the client of a step in the languages of the request.
func (s *server) app(c echo.Context, f *flow, step authz.Step) appView {
	return s.appOf(step, clients.Languages(f.req.Query().Get("ui_locales"), c.Request().Header.Get("Accept-Language")))
}

func (s *server) appOf(step authz.Step, languages []string) appView {
	client := step.Client.In(languages, s.texts.Lang)
	v := appView{
		Name: appName(client), Logo: s.logoURL(client),
		Host:   s.appHost(step.RedirectURI),
		Policy: client.PolicyURI, Terms: client.TermsURI,
	}
	v.Initials = initials(v.Name)
	// A client that registered itself may name anyone's home page: only where
	// the answer goes is certain.
	if home := webHost(client.ClientURI); home != "" && home != v.Host && client.Source != clients.SourceDynamic && client.Source != clients.SourceDocument {
		v.Host, v.Return = home, s.place(step.RedirectURI, s.texts.ReturnTo, s.texts.ReturnScheme, s.texts.ReturnDevice)
	}
	if v.Publisher = clip(step.ClientHost, 255); v.Publisher != "" {
		v.Host, v.Return = "", s.place(step.RedirectURI, s.texts.ReturnTo, s.texts.ReturnScheme, s.texts.ReturnDevice)
		v.Warning = s.deviceWarning(step)
	}
	return v
}

// webHost is the host of a web address, "" of anything else.
func webHost(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return clip(u.Host, 255)
}

// appHost says in a few words where the answer goes, so that a name alone
// deceives nobody.
func (s *server) appHost(uri string) string {
	return s.place(uri, "%s", s.texts.HostScheme, s.texts.HostDevice)
}

// place puts where a redirect URI leads into one of three texts: a website, an
// app (RFC 8252, section 7.1), a program on this device (RFC 8252, section 7.3).
func (s *server) place(uri, site, app, device string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil || uri == "":
		return ""
	case u.Scheme != "https" && u.Scheme != "http":
		return fillPlain(app, clip(u.Scheme, 100))
	case loopback(u.Hostname()):
		return fillPlain(device, clip(u.Host, 100))
	}
	return fillPlain(site, clip(u.Host, 255))
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || (ip != nil && ip.IsLoopback())
}
