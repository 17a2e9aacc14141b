package authz

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"signet/clients"
)

// Paths of a guarded site that its proxy passes here.
const (
	// ForwardPrefix is before all of them.
	ForwardPrefix = "/.signet/"
	// ForwardStart begins a sign-in, ForwardCallback is where it comes back.
	ForwardStart    = ForwardPrefix + "start"
	ForwardCallback = ForwardPrefix + "callback"
)

// maxReturn bounds the address of a page to come back to, in bytes: it travels in a
// URL, and waits in a cookie.
const maxReturn = 2000

// ForwardSite is a site that a proxy guards by asking here.
type ForwardSite struct {
	// Host is what browsers call it, in lower case, with a port that is not the
	// default.
	Host string
	// Name is what the sign-in page calls it; empty is the host.
	Name string
	// Groups are those whose people may open it; none is everyone.
	Groups []string

	origin string
}

// Origin is the origin of the site (RFC 6454): https, but on a loopback address
// whose issuer has http too.
func (s *ForwardSite) Origin() string { return s.origin }

// Secure reports whether the site speaks https.
func (s *ForwardSite) Secure() bool { return strings.HasPrefix(s.origin, "https:") }

func (s *ForwardSite) callback() string { return s.origin + ForwardCallback }

// client is the site as the app that the sign-in page is for. It is in no store.
func (s *ForwardSite) client() clients.Client {
	c := clients.Client{ID: s.Host, Name: s.Name, FirstParty: true, AllowedGroups: s.Groups, Source: clients.SourceConfig}
	if c.Name == "" {
		c.Name = s.Host
	}
	return c
}

// ReturnURL is the page of the site with this request URI, to come back to: always
// below the origin, always plain ASCII. Of one that is too long the query goes, then
// all of it. Nobody comes back to our own paths.
func (s *ForwardSite) ReturnURL(uri string) string {
	var b strings.Builder
	b.WriteString(s.origin)
	if !strings.HasPrefix(uri, "/") {
		b.WriteByte('/')
	}
	for i := range len(uri) {
		if c := uri[i]; returnByte(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	to := b.String()
	if len(to) > maxReturn {
		to, _, _ = strings.Cut(to, "?")
	}
	if len(to) > maxReturn || strings.HasPrefix(to, s.origin+ForwardPrefix) {
		return s.origin + "/"
	}
	return to
}

// returnByte reports whether a byte of a request URI can stand as it is in what is
// sent to a browser. Browsers read a backslash as a slash, and "#" ends the query.
func returnByte(c byte) bool { return c > ' ' && c < 0x7f && !strings.ContainsRune(`\#"<>`, rune(c)) }

// forwardSites are the sites by host, and the key that codes and cookies are sealed
// with.
type forwardSites struct {
	sites map[string]*ForwardSite
	sealer
}

func newForwardSites(p *Provider) (*forwardSites, error) {
	f := &forwardSites{sites: map[string]*ForwardSite{}}
	if len(p.cfg.Forward) > 0 && p.cfg.Sessions == nil {
		return nil, errors.New("forward authentication needs something that finds sessions")
	}
	issuer, err := url.Parse(p.cfg.Issuer)
	if err != nil {
		return nil, err
	}
	for _, site := range p.cfg.Forward {
		u, err := url.Parse("//" + site.Host)
		if err != nil || site.Host == "" || u.Host != site.Host || strings.ToLower(site.Host) != site.Host {
			return nil, fmt.Errorf("forward authentication: %q is not a host in lower case", site.Host)
		}
		if _, twice := f.sites[site.Host]; twice || site.Host == issuer.Host {
			return nil, fmt.Errorf("forward authentication: %s is named twice, or is the issuer's own", site.Host)
		}
		site.origin = "https://" + site.Host
		if issuer.Scheme == "http" && isLoopback(u.Hostname()) {
			site.origin = "http://" + site.Host
		}
		f.sites[site.Host] = &site
	}
	f.sealer, err = newSealer(p.cfg.Secret, "forward authentication", p.cfg.Rand)
	return f, err
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// ForwardSite returns the site with this host, as a proxy names it. The port that
// goes without saying may be said.
func (p *Provider) ForwardSite(host string) (ForwardSite, bool) {
	host = strings.ToLower(host)
	for _, suffix := range []string{"", ":443", ":80"} {
		short, ok := strings.CutSuffix(host, suffix)
		site, known := p.forward.sites[short]
		if ok && known && (suffix == "" || site.Secure() == (suffix == ":443")) {
			return *site, true
		}
	}
	return ForwardSite{}, false
}

// siteOf returns the site that rd is a page of, nil of none. It is compared byte for
// byte and not parsed: what two parsers could read differently is no page of ours.
func (f *forwardSites) siteOf(rd string) *ForwardSite {
	if len(rd) > maxReturn {
		return nil
	}
	for i := range len(rd) {
		if !returnByte(rd[i]) {
			return nil
		}
	}
	for _, site := range f.sites {
		if rest, ok := strings.CutPrefix(rd, site.origin+"/"); ok && !strings.HasPrefix("/"+rest, ForwardPrefix) {
			return site
		}
	}
	return nil
}

// origins lists the sites, for the log.
func (f *forwardSites) origins() string {
	var out []string
	for _, host := range slices.Sorted(maps.Keys(f.sites)) {
		out = append(out, f.sites[host].origin+"/")
	}
	return strings.Join(out, " ")
}
