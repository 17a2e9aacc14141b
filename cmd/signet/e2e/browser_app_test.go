package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"signet/clients"
)

// The page of the app shows one of these.
const (
	atApp = "#arrived"
	atBye = "#bye"
)

// relyingParty is an app on another origin: it keeps what the browser brings.
type relyingParty struct {
	URL, Callback, Bye string
	ClientID, Secret   string
	// PassOn sends the browser from the callback to this address, as an app
	// does that has its pages on another host.
	PassOn string

	issuer   *issuer
	scopes   []string
	arrivals chan arrival
}

// arrival is one request to the app.
type arrival struct {
	Method, Path string
	Params       url.Values
	Referer      string
}

// relyingParty starts an app and registers it.
func (i *issuer) relyingParty(t testing.TB, change ...func(*clients.Client)) *relyingParty {
	t.Helper()
	a := &relyingParty{issuer: i, arrivals: make(chan arrival, 20)}
	srv := httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(srv.Close)
	a.URL, a.Callback, a.Bye = srv.URL, srv.URL+"/callback", srv.URL+"/bye"
	a.Secret = i.webApp(t, "printer", append(change, func(c *clients.Client) {
		c.RedirectURIs, c.PostLogoutRedirectURIs = []string{a.Callback}, []string{a.Bye}
		a.ClientID, a.scopes = c.ID, c.Scopes
	})...)
	return a
}

func (a *relyingParty) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	id := ""
	switch r.URL.Path {
	case "/callback":
		id = "arrived"
		if a.PassOn != "" {
			http.Redirect(w, r, a.PassOn, http.StatusSeeOther)
		}
	case "/onward":
		id = "onward"
	case "/bye":
		id = "bye"
	default:
		http.NotFound(w, r)
		return
	}
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	params := r.URL.Query()
	if r.Method == http.MethodPost {
		params = r.PostForm
	}
	a.arrivals <- arrival{r.Method, r.URL.Path, params, r.Referer()}
	if a.PassOn == "" || id != "arrived" {
		fmt.Fprintf(w, `<!doctype html><title>App</title><h1 id="%s">%s</h1>`, id, id)
	}
}

// link is the address that the app sends people to.
func (a *relyingParty) link(change map[string]string) string {
	all := map[string]string{"redirect_uri": a.Callback}
	for k, v := range change {
		all[k] = v
	}
	return a.issuer.authorizeURL(a.ClientID, all)
}

// arrived returns what the browser brought, and reports a request that is not
// as it should be.
func (a *relyingParty) arrived(t testing.TB, method, path string) url.Values {
	t.Helper()
	select {
	case got := <-a.arrivals:
		if got.Method != method || got.Path != path {
			t.Fatalf("the app got %s %s, not %s %s", got.Method, got.Path, method, path)
		}
		if got.Referer != "" {
			t.Errorf("the app learned the address of a page: Referer %q", got.Referer)
		}
		return got.Params
	case <-time.After(patience):
		t.Fatalf("nothing arrived at %s", path)
		return nil
	}
}

// answered returns the parameters of an authorization response that has to
// hold what, beside this state and the issuer (RFC 9207).
func (a *relyingParty) answered(t testing.TB, method, what, state string) url.Values {
	t.Helper()
	got := a.arrived(t, method, "/callback")
	if got.Get(what) == "" || got.Get("state") != state || got.Get("iss") != a.issuer.URL {
		t.Fatalf("the response lacks %s, state %q or the issuer: %v", what, state, got)
	}
	return got
}

// signsIn redeems the code of a response, and returns what userinfo says.
func (a *relyingParty) signsIn(t testing.TB, response url.Values) answer {
	t.Helper()
	tokens := a.issuer.post(t, "/oauth2/token", a.ClientID, a.Secret, url.Values{
		"grant_type": {"authorization_code"}, "code": {response.Get("code")}, "redirect_uri": {a.Callback},
	})
	if tokens.Status != http.StatusOK {
		t.Fatalf("the code is not good: %d %s", tokens.Status, tokens.Raw)
	}
	info := a.issuer.userinfo(t, tokens.str("access_token"))
	info.Body["id_token"] = tokens.str("id_token")
	return info
}

// quiet reports a further request to the app.
func (a *relyingParty) quiet(t testing.TB) {
	t.Helper()
	select {
	case got := <-a.arrivals:
		t.Errorf("the app got one request too many: %s %s %v", got.Method, got.Path, got.Params)
	default:
	}
}

// count is how often a request line with these words stands in the log.
func (b *syncBuffer) count(words ...string) (n int) {
	for line := range strings.Lines(b.String()) {
		all := strings.Contains(line, `"msg":"request"`)
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			n++
		}
	}
	return n
}
