package e2e

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"signet/clients"
)

// apache is Debian's Apache with mod_auth_openidc: two apps and an API.
type apache struct{ one, two, api string }

// startApache runs testdata/apache.conf on free ports, in a folder of its own.
func startApache(t *testing.T, i *issuer) apache {
	t.Helper()
	const modules = "/usr/lib/apache2/modules"
	httpd := tool("apache2")
	if httpd == "" || !fileExists(modules+"/mod_auth_openidc.so") {
		missing(t, "Apache with mod_auth_openidc is not installed: apt-get install apache2 libapache2-mod-auth-openidc")
	}
	// Its workers give up root, and have to reach both folders all the same.
	dir, site := t.TempDir(), t.TempDir()
	for _, path := range []string{filepath.Dir(site), site, dir} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"index.html", "bye.html"} {
		if err := os.WriteFile(filepath.Join(site, name), []byte("this is "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a := apache{"127.0.0.1:" + freePort(t), "127.0.0.1:" + freePort(t), "127.0.0.1:" + freePort(t)}
	secret := func(id, host string) string {
		return i.webApp(t, id, firstParty, func(c *clients.Client) {
			c.Name, c.RedirectURIs = "Apache "+id, []string{"http://" + host + "/oidc/callback"}
			c.PostLogoutRedirectURIs = []string{"http://" + host + "/bye.html"}
		})
	}
	behind, err := url.Parse(i.URL)
	if err != nil {
		t.Fatal(err)
	}
	secure := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(behind))
	t.Cleanup(secure.Close)
	user := ""
	if os.Geteuid() == 0 {
		user = "User www-data\nGroup www-data"
	}
	template, err := os.ReadFile(filepath.Join("testdata", "apache.conf"))
	if err != nil {
		t.Fatal(err)
	}
	conf := strings.NewReplacer(
		"@DIR@", dir, "@SITE@", site, "@MODULES@", modules, "@USER@", user, "@ONE@", a.one, "@TWO@", a.two, "@API@", a.api,
		"@ISSUER@", i.URL, "@HTTPS@", secure.URL, "@SECRET_ONE@", secret("one", a.one), "@SECRET_TWO@", secret("two", a.two), "@PASSPHRASE@", rand.Text(),
	).Replace(string(template))
	file := filepath.Join(dir, "apache.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	startDaemon(t, "http://"+a.one+"/bye.html", exec.Command(httpd, "-d", dir, "-f", file, "-D", "FOREGROUND"))
	return a
}

// acceptsPages says what browsers say: Apache answers all others with a 401.
type acceptsPages struct{}

func (acceptsPages) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	return http.DefaultTransport.RoundTrip(r)
}

// Apache as two apps: sign in to one, be signed in to the other without a form, sign
// out of the first and of the issuer with it.
func TestApacheModAuthOpenIDC(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	a := startApache(t, i)
	b := newBrowser(t)
	b.client.Transport = acceptsPages{}
	p, asked := b.open("http://"+a.one+"/index.html?page=1", "ada")
	if !asked || p.Body != "this is index.html" || p.Header.Get("X-Site-User") != "ada" || p.URL.RequestURI() != "/index.html?page=1" {
		t.Fatalf("the first app: asked %t, %d %s %v\n%s", asked, p.Status, p.URL, p.Header, p.Body)
	}
	p, asked = b.open("http://"+a.two+"/", "ada")
	if asked || p.Body != "this is index.html" || p.Header.Get("X-Site-User") != "ada@example.test" {
		t.Fatalf("the second app: asked %t, %d %s %v\n%s", asked, p.Status, p.URL, p.Header, p.Body)
	}
	bye := "http://" + a.one + "/bye.html"
	p, _ = b.open("http://"+a.one+"/oidc/callback?logout="+url.QueryEscape(bye), "ada")
	if p.Status != http.StatusOK || p.URL.String() != bye {
		t.Fatalf("signing out of the first: %d %s\n%s", p.Status, p.URL, p.Body)
	}
	if _, asked := b.open("http://"+a.one+"/", "ada"); !asked {
		t.Error("after signing out, the first app lets people in without a form")
	}
}

// Apache as an API: it verifies our access tokens by the published keys, and asks the
// issuer nothing about them.
func TestApacheVerifiesAccessTokens(t *testing.T) {
	i := start(t)
	a := startApache(t, i)
	job := func(id string, scopes, audiences []string) string {
		secret := i.webApp(t, id, func(c *clients.Client) {
			c.GrantTypes, c.RedirectURIs, c.PostLogoutRedirectURIs = []string{clients.GrantClientCredentials}, nil, nil
			c.Scopes, c.Audiences = scopes, audiences
		})
		answer := i.post(t, "/oauth2/token", id, secret, url.Values{"grant_type": {"client_credentials"}})
		if answer.Status != http.StatusOK {
			t.Fatal(answer.Raw)
		}
		return answer.str("access_token")
	}
	call := func(token string) *http.Response {
		t.Helper()
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.api+"/", nil)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	good := job("job", []string{"photos.read"}, []string{testAPI})
	i.queries.take()
	for range 3 {
		if resp := call(good); resp.StatusCode != http.StatusOK || resp.Header.Get("X-Site-User") != "job" {
			t.Errorf("a good token: %d %v", resp.StatusCode, resp.Header)
		}
	}
	if r, w := i.queries.take(); len(r) != 0 || len(w) != 0 {
		t.Errorf("the issuer was asked: %q %q", r, w)
	}
	for name, token := range map[string]string{
		"none":             "",
		"another audience": job("other", []string{"photos.read"}, []string{"https://other.example.test/"}),
		"another scope":    job("writer", []string{"photos.write"}, []string{testAPI}),
		"changed":          good[:len(good)-5] + flip(good[len(good)-5]) + good[len(good)-4:],
	} {
		if resp := call(token); resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
}
