package e2e

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"signet/cmd/signet/config"
)

// guarded is a site behind a proxy that does what Caddy's forward_auth and Traefik's
// ForwardAuth do. The site answers with the identity that reached it.
type guarded struct {
	URL    string
	host   string
	issuer *url.URL
}

// identityHeaders are those that a proxy copies onto the request.
var identityHeaders = []string{"Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups"}

// guardSites starts an issuer that guards a site for staff at 127.0.0.1 and one for
// everyone at localhost: two hosts to a browser, with cookies of their own.
func guardSites(t testing.TB, configure ...func(*config.Config)) (i *issuer, staff, all *guarded) {
	t.Helper()
	staff, all = &guarded{}, &guarded{}
	for _, g := range []*guarded{staff, all} {
		server := httptest.NewServer(g)
		t.Cleanup(server.Close)
		g.host = server.Listener.Addr().String()
	}
	all.host = strings.Replace(all.host, "127.0.0.1", "localhost", 1)
	i = start(t, append([]func(*config.Config){func(c *config.Config) {
		c.ForwardAuth.Hosts = []config.ForwardHost{{Host: staff.host, Name: "The wiki", Groups: []string{"staff"}}, {Host: all.host}, {Host: "wiki.example.test"}}
	}}, configure...)...)
	for _, g := range []*guarded{staff, all} {
		g.URL = "http://" + g.host
		g.issuer, _ = url.Parse(i.URL)
	}
	return i, staff, all
}

func (g *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	said := http.Header{"X-Forwarded-Host": {g.host}, "X-Forwarded-Uri": {r.RequestURI}, "X-Forwarded-Method": {r.Method}, "X-Forwarded-Proto": {"http"}}
	if strings.HasPrefix(r.URL.Path, "/.signet/") {
		proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(g.issuer)
			maps.Copy(p.Out.Header, said)
		}}
		proxy.ServeHTTP(w, r)
		return
	}
	ask, _ := http.NewRequestWithContext(r.Context(), http.MethodGet, g.issuer.String()+"/auth/verify", nil)
	ask.Header = r.Header.Clone()
	maps.Copy(ask.Header, said)
	answer, err := http.DefaultTransport.RoundTrip(ask)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		maps.Copy(w.Header(), answer.Header)
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
		return
	}
	for _, name := range identityHeaders {
		r.Header[name] = answer.Header[name]
	}
	w.Header().Set("Verify-Cache-Control", answer.Header.Get("Cache-Control"))
	_, _ = io.WriteString(w, r.Method+" "+r.RequestURI+" as "+strings.Join([]string{r.Header.Get("Remote-User"), r.Header.Get("Remote-Email"), r.Header.Get("Remote-Name"), r.Header.Get("Remote-Groups")}, "|"))
}

// open opens a page of a guarded site, signs in at the issuer where that is asked, and
// returns where the browser ends up.
func (b *browser) open(target, username string) (p *page, asked bool) {
	b.t.Helper()
	p = b.get(target)
	for range 6 {
		switch {
		case p.byID("sign-in") != nil:
			asked = true
			p = b.submit(p, "sign-in", map[string]string{"username": username, "password": testPassword})
		case p.Location != nil:
			p = b.get(p.Location.String())
		default:
			return p, asked
		}
	}
	b.t.Fatalf("%s: still on the way at %s", target, p.URL)
	return nil, false
}

// signOut ends the login session at the issuer.
func (b *browser) signOut(i *issuer) {
	b.t.Helper()
	if p := b.submit(b.get(i.URL+"/oauth2/logout"), "logout-confirm", nil); p.Status != http.StatusOK {
		b.t.Fatalf("signed out: %d\n%s", p.Status, p.Body)
	}
}

// verify asks as a proxy does, with these headers.
func (i *issuer) verify(t testing.TB, headers map[string]string) *http.Response {
	t.Helper()
	return i.visit(t, "/auth/verify", headers)
}

// visit sends one request with these headers and follows nothing.
func (i *issuer) visit(t testing.TB, path string, headers map[string]string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

// cookieOf is the value of a cookie that the browser has for a site.
func (b *browser) cookieOf(site, name string) string {
	u, err := url.Parse(site)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
