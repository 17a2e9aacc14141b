package e2e

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"signet/clients"
	"signet/cmd/signet/config"
	"signet/cmd/signet/server"
)

// statusReference is where a token stands (Token Status List, section 6.2).
type statusReference struct {
	Index int    `json:"idx"`
	URI   string `json:"uri"`
}

func statusOf(t testing.TB, token string) statusReference {
	t.Helper()
	var claims struct {
		Status struct {
			List *statusReference `json:"status_list"`
		} `json:"status"`
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Status.List == nil {
		t.Fatalf("no status_list in %s (%v)", payload, err)
	}
	return *claims.Status.List
}

// statusList is a status list as a resource server sees it.
type statusList struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	TTL      int64  `json:"ttl"`
	List     struct {
		Bits int    `json:"bits"`
		List string `json:"lst"`
	} `json:"status_list"`

	bits []byte
}

// node is another server on the database of i, with the same clock.
func (i *issuer) node(t testing.TB, configure ...func(*config.Config)) *issuer {
	t.Helper()
	cfg := config.Default()
	cfg.Issuer, cfg.DataDir, cfg.Database = i.URL, i.Dir, "sqlite:"+filepath.Join(i.Dir, "signet.db")
	for _, change := range configure {
		change(cfg)
	}
	n := &issuer{Dir: i.Dir, clock: i.clock, log: &syncBuffer{}, queries: &queries{}}
	var err error
	n.Server, err = server.New(t.Context(), server.Options{
		Config: cfg, Logger: slog.New(slog.NewJSONHandler(n.log, nil)), Now: i.clock.Now, OnQuery: n.queries.record,
	})
	must(t, err)
	web := httptest.NewServer(n.Handler)
	n.URL = web.URL
	t.Cleanup(func() {
		web.Close()
		must(t, n.Close())
	})
	return n
}

// fetchList asks this node for a list, and checks it with go-jose by the JWKS
// in every way that section 8.3 asks of a resource server.
func (i *issuer) fetchList(t testing.TB, uri string) statusList {
	t.Helper()
	u, err := url.Parse(uri)
	must(t, err)
	a := i.send(t, http.MethodGet, u.Path, "", "", http.Header{"Accept": {"application/statuslist+jwt"}})
	if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "application/statuslist+jwt" {
		t.Fatalf("%s: %d %v %s", uri, a.Status, a.Header, a.Raw)
	}
	var set jose.JSONWebKeySet
	must(t, json.Unmarshal([]byte(i.send(t, http.MethodGet, "/.well-known/jwks.json", "", "", nil).Raw), &set))
	jws, err := jose.ParseSignedCompact(a.Raw, []jose.SignatureAlgorithm{jose.RS256})
	must(t, err)
	header := jws.Signatures[0].Protected
	payload, err := jws.Verify(set.Key(header.KeyID)[0])
	must(t, err)
	if typ := header.ExtraHeaders[jose.HeaderType]; typ != "statuslist+jwt" {
		t.Errorf("typ is %v", typ)
	}
	var list statusList
	must(t, json.Unmarshal(payload, &list))
	now := i.clock.Now().Unix()
	if list.Subject != uri || list.List.Bits != 1 || list.TTL <= 0 || list.IssuedAt > now || list.Expires <= now {
		t.Errorf("the claims of %s are %s", uri, payload)
	}
	compressed, err := base64.RawURLEncoding.DecodeString(list.List.List)
	must(t, err)
	r, err := zlib.NewReader(bytes.NewReader(compressed))
	must(t, err)
	list.bits, err = io.ReadAll(r)
	must(t, err)
	if len(list.bits) != 1<<17 {
		t.Errorf("the list has %d bytes", len(list.bits))
	}
	return list
}

// revoked are the indexes that are 1.
func (l statusList) revoked() []int {
	var all []int
	for i := range len(l.bits) * 8 {
		if l.bits[i/8]>>(i%8)&1 == 1 {
			all = append(all, i)
		}
	}
	return all
}

// wantRevoked checks that exactly these tokens of one list are revoked.
func (i *issuer) wantRevoked(t testing.TB, uri string, tokens ...string) {
	t.Helper()
	var want []int
	for _, token := range tokens {
		want = append(want, statusOf(t, token).Index)
	}
	slices.Sort(want)
	if got := i.fetchList(t, uri).revoked(); !slices.Equal(got, slices.Compact(want)) {
		t.Errorf("the list has %v, want %v", got, want)
	}
}

func (i *issuer) revoke(t testing.TB, clientID, secret, token string) {
	t.Helper()
	if a := i.post(t, "/oauth2/revoke", clientID, secret, url.Values{"token": {token}}); a.Status != http.StatusOK {
		t.Fatalf("revoke: %d %s", a.Status, a.Raw)
	}
}

// Whatever revokes a token, its list says so at once, of that token and no
// other.
func TestStatusListTellsWhatIsRevoked(t *testing.T) {
	type grant struct{ code, verifier, first, second, refresh, spent string }
	for name, c := range map[string]struct {
		revoke func(t *testing.T, i *issuer, secret string, g grant)
		want   func(g grant) []string
	}{
		"an access token": {
			func(t *testing.T, i *issuer, secret string, g grant) { i.revoke(t, "app", secret, g.first) },
			func(g grant) []string { return []string{g.first} },
		},
		"a refresh token": {
			func(t *testing.T, i *issuer, secret string, g grant) { i.revoke(t, "app", secret, g.refresh) },
			func(g grant) []string { return []string{g.first, g.second} },
		},
		"a spent refresh token, revoked": {
			func(t *testing.T, i *issuer, secret string, g grant) { i.revoke(t, "app", secret, g.spent) },
			func(g grant) []string { return []string{g.first, g.second} },
		},
		"an access token and then its grant": {
			func(t *testing.T, i *issuer, secret string, g grant) {
				i.revoke(t, "app", secret, g.second)
				i.revoke(t, "app", secret, g.refresh)
				i.revoke(t, "app", secret, g.second)
			},
			func(g grant) []string { return []string{g.first, g.second} },
		},
		"a refresh token that was used twice": {
			func(t *testing.T, i *issuer, secret string, g grant) {
				i.clock.Advance(2 * time.Minute)
				i.refresh(t, "app", secret, g.spent).wantRefused(t, http.StatusBadRequest, "invalid_grant")
			},
			func(g grant) []string { return []string{g.first, g.second} },
		},
		"a code that was replayed": {
			func(t *testing.T, i *issuer, secret string, g grant) {
				i.clock.Advance(time.Second)
				i.exchange(t, "app", secret, g.code, g.verifier).wantRefused(t, http.StatusBadRequest, "invalid_grant")
			},
			func(g grant) []string { return []string{g.first, g.second} },
		},
		"a refresh token, when the first access token has expired": {
			func(t *testing.T, i *issuer, secret string, g grant) {
				i.clock.Advance(8 * time.Minute)
				third := i.refresh(t, "app", secret, g.refresh)
				i.clock.Advance(4 * time.Minute)
				i.revoke(t, "app", secret, third.str("refresh_token"))
			},
			nil, // the third alone, which no other line knows
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := start(t)
			i.person(t, "ada")
			secret, b := i.webApp(t, "app"), newBrowser(t)
			bystander := i.tokens(t, b, "ada", "app", secret)
			var g grant
			var challenge string
			g.verifier, challenge = pkcePair(t)
			g.code = b.authorize(i.authorizeURL("app", map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}), "ada")
			a := i.exchange(t, "app", secret, g.code, g.verifier)
			g.first, g.spent = a.str("access_token"), a.str("refresh_token")
			a = i.refresh(t, "app", secret, g.spent)
			g.second, g.refresh = a.str("access_token"), a.str("refresh_token")
			uri := statusOf(t, g.first).URI
			i.wantRevoked(t, uri)
			i.wantAlive(t, "app", secret, g.second)

			c.revoke(t, i, secret, g)
			if c.want == nil {
				if got := i.fetchList(t, uri).revoked(); len(got) != 1 || got[0] == statusOf(t, g.first).Index || got[0] == statusOf(t, g.second).Index {
					t.Errorf("the list has %v", got)
				}
				return
			}
			i.wantRevoked(t, uri, c.want(g)...)
			if a := i.introspect(t, "app", secret, bystander.str("refresh_token")); a.Body["active"] != true {
				t.Errorf("another grant of the same person and client: %s", a.Raw)
			}
		})
	}
}

// A retry within the grace gets a token with the index of the first, without a
// write, so that the revocation of the grant reaches both.
func TestRetriedRefreshKeepsTheStatusIndex(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	first := i.tokens(t, newBrowser(t), "ada", "app", secret)
	second := i.refresh(t, "app", secret, first.str("refresh_token"))
	i.clock.Advance(30 * time.Second)
	i.queries.take()
	again := i.refresh(t, "app", secret, first.str("refresh_token"))
	if _, writes := i.queries.take(); len(writes) != 0 {
		t.Errorf("a retry writes: %q", writes)
	}
	if second.str("access_token") == again.str("access_token") || statusOf(t, second.str("access_token")) != statusOf(t, again.str("access_token")) {
		t.Error("the retry has the same token, or another index")
	}
	if statusOf(t, first.str("access_token")) == statusOf(t, second.str("access_token")) {
		t.Error("two generations have one index")
	}
	if again.Body["expires_in"] != 600.0 {
		t.Errorf("expires_in is %v", again.Body["expires_in"])
	}
	i.revoke(t, "app", secret, again.str("refresh_token"))
	i.wantRevoked(t, statusOf(t, again.str("access_token")).URI, first.str("access_token"), second.str("access_token"))
}

// Another node tells of a revocation within a second of the clock, and goes on
// with what it knows while the database is down, until that has expired.
func TestStatusListOnAnotherNode(t *testing.T) {
	i := start(t)
	i.person(t, "ada")
	secret := i.webApp(t, "app")
	a := i.tokens(t, newBrowser(t), "ada", "app", secret)
	token := a.str("access_token")
	uri := statusOf(t, token).URI
	other := i.node(t)
	other.wantRevoked(t, uri)
	i.revoke(t, "app", secret, token)
	i.wantRevoked(t, uri, token)
	i.clock.Advance(time.Second)
	other.wantRevoked(t, uri, token)

	must(t, i.Store.Close())
	u, err := url.Parse(uri)
	must(t, err)
	for _, path := range []string{u.Path, "/oauth2/status"} {
		get := func() answer { return i.send(t, http.MethodGet, path, "", "", nil) }
		if path == "/oauth2/status" { // which nobody has asked for yet
			get().wantRefused(t, http.StatusServiceUnavailable, "temporarily_unavailable")
			continue
		}
		i.clock.Advance(5 * time.Minute)
		i.wantRevoked(t, uri, token)
		if i.clock.Advance(4*time.Minute + 50*time.Second); get().Header.Get("Cache-Control") == "public, max-age=60" {
			t.Error("the list may be kept beyond its end")
		}
		i.clock.Advance(5 * time.Minute)
		get().wantRefused(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	}
}

// Lists are found, cached and asked for again as the JWKS is.
func TestStatusListIsCacheable(t *testing.T) {
	i := start(t)
	job := i.webApp(t, "job", credentialsOnly)
	token := i.post(t, "/oauth2/token", "job", job, url.Values{"grant_type": {"client_credentials"}}).str("access_token")
	ref := statusOf(t, token)
	path := strings.TrimPrefix(ref.URI, i.URL)

	metadata := i.send(t, http.MethodGet, "/.well-known/oauth-authorization-server", "", "", nil)
	if got := metadata.str("status_list_aggregation_endpoint"); got != i.URL+"/oauth2/status" {
		t.Errorf("status_list_aggregation_endpoint is %q", got)
	}
	all := i.send(t, http.MethodGet, "/oauth2/status", "", "", nil)
	if want := `{"status_lists":["` + ref.URI + `"]}`; all.Raw != want || all.Header.Get("Content-Type") != "application/json" {
		t.Errorf("the aggregation is %s (%s), want %s", all.Raw, all.Header.Get("Content-Type"), want)
	}
	for _, p := range []string{path, "/oauth2/status"} {
		for _, coding := range []string{"identity", "gzip"} {
			get := func(method, etag string) answer {
				return i.send(t, method, p, "", "", http.Header{"If-None-Match": {etag}, "Accept-Encoding": {coding}})
			}
			a := get(http.MethodGet, "")
			etag := a.Header.Get("ETag")
			if a.Status != http.StatusOK || a.Header.Get("Cache-Control") != "public, max-age=60" || !strings.HasPrefix(etag, `"`) ||
				a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Vary") != "Accept-Encoding" && p == path {
				t.Errorf("%s: %d %v", p, a.Status, a.Header)
			}
			if (a.Header.Get("Content-Encoding") == "gzip") != (coding == "gzip" && p == path) {
				t.Errorf("%s, %s: Content-Encoding is %q", p, coding, a.Header.Get("Content-Encoding"))
			}
			if a := get(http.MethodGet, etag); a.Status != http.StatusNotModified || a.Raw != "" || a.Header.Get("Cache-Control") == "" {
				t.Errorf("%s, asked for a change: %d %v", p, a.Status, a.Header)
			}
			if a := get(http.MethodHead, ""); a.Status != http.StatusOK || a.Raw != "" || a.Header.Get("ETag") != etag {
				t.Errorf("%s, HEAD: %d %v", p, a.Status, a.Header)
			}
		}
	}
	before := i.send(t, http.MethodGet, path, "", "", nil)
	i.clock.Advance(15 * time.Second)
	if a := i.send(t, http.MethodGet, path, "", "", nil); a.Raw != before.Raw {
		t.Error("the list was signed anew within half of its ttl")
	}
	i.clock.Advance(16 * time.Second)
	if a := i.send(t, http.MethodGet, path, "", "", nil); a.Raw == before.Raw {
		t.Error("the list was not signed anew after half of its ttl")
	}
	i.revoke(t, "job", job, token)
	if a := i.send(t, http.MethodGet, path, "", "", http.Header{"If-None-Match": {before.Header.Get("ETag")}}); a.Status != http.StatusOK {
		t.Errorf("after a revocation, asked for a change: %d", a.Status)
	}

	for bad, status := range map[string]int{
		path + "x": 404, path[:len(path)-1]: 404, "/oauth2/status/x": 404, path + "/x": 404, path + "/": 404, path + "?time=1": 501,
	} {
		if a := i.send(t, http.MethodGet, bad, "", "", nil); a.Status != status {
			t.Errorf("%s: %d, want %d", bad, a.Status, status)
		}
	}
	if l := i.fetchList(t, ref.URI); l.Expires-l.IssuedAt != 600 || l.TTL != 60 || l.Issuer != i.URL {
		t.Errorf("the list lives for %d s, its ttl is %d, iss %q", l.Expires-l.IssuedAt, l.TTL, l.Issuer)
	}
	i.clock.Advance(12*time.Hour + 39*time.Minute)
	if l := i.fetchList(t, ref.URI); l.Expires-l.IssuedAt > 60 {
		t.Errorf("the list claims to outlive itself by %d s", l.Expires-l.IssuedAt-60)
	}
	i.clock.Advance(time.Minute)
	if a := i.send(t, http.MethodGet, path, "", "", nil); a.Status != http.StatusGone {
		t.Errorf("after its end: %d", a.Status)
	}
	if a := i.send(t, http.MethodGet, "/oauth2/status", "", "", nil); a.Raw != `{"status_lists":[]}` {
		t.Errorf("after its end: %s", a.Raw)
	}
}

func credentialsOnly(c *clients.Client) {
	c.GrantTypes, c.RedirectURIs, c.PostLogoutRedirectURIs = []string{clients.GrantClientCredentials}, nil, nil
}

// An index tells nothing of when a token was issued, how many there are, or to
// whom.
func TestStatusIndexesTellNothing(t *testing.T) {
	i := start(t)
	secrets := map[string]string{"a": i.webApp(t, "a", credentialsOnly), "b": i.webApp(t, "b", credentialsOnly)}
	var last statusReference
	near, rising := 0, 0
	for n := range 200 {
		id := []string{"a", "b"}[n%2]
		got := statusOf(t, i.post(t, "/oauth2/token", id, secrets[id], url.Values{"grant_type": {"client_credentials"}}).str("access_token"))
		if n > 0 && got.URI != last.URI {
			t.Fatalf("two clients have two lists: %s and %s", got.URI, last.URI)
		}
		if d := got.Index - last.Index; d > -1024 && d < 1024 { // 0.4 are expected
			near++
		}
		if got.Index > last.Index { // 100 are expected, with a deviation of 4
			rising++
		}
		last = got
	}
	if near > 10 || rising < 60 || rising > 140 {
		t.Errorf("of 200 indexes %d are near the one before, and %d above it", near, rising)
	}
}

// A genuine status list is no access token, no ID token, and no credential
// (SECURITY: one token taken for another).
func TestStatusListIsNoOtherToken(t *testing.T) {
	v := newVictim(t)
	list := v.send(t, http.MethodGet, strings.TrimPrefix(statusOf(t, v.access).URI, v.URL), "", "", nil).Raw
	v.wantNoAccess(t, list)
	v.wantNoHint(t, list)
	v.wantRevokeIgnores(t, list)
	v.issuer.refresh(t, "app", v.secret, list).wantRefused(t, http.StatusBadRequest, "invalid_grant")
	v.exchange(t, "app", v.secret, list, "").wantRefused(t, http.StatusBadRequest, "invalid_grant")
	v.wantUnharmed(t)
}

// While lists are fetched all the time, the database is asked once a second
// for each and nothing is written.
func TestStatusListsCostTheDatabaseLittle(t *testing.T) {
	i := start(t)
	job := i.webApp(t, "job", credentialsOnly)
	uri := statusOf(t, i.post(t, "/oauth2/token", "job", job, url.Values{"grant_type": {"client_credentials"}}).str("access_token")).URI
	i.queries.take()
	began := time.Now()
	for range 1000 {
		if a := i.send(t, http.MethodGet, strings.TrimPrefix(uri, i.URL), "", "", nil); a.Status != http.StatusOK {
			t.Fatal(a.Status)
		}
	}
	reads, writes := i.queries.take()
	reads = slices.DeleteFunc(reads, func(sql string) bool { return !strings.Contains(sql, "status_") })
	if most := 3 + int(time.Since(began)/time.Second); len(reads) > most || len(writes) > 0 {
		t.Errorf("1000 requests in %s: %d reads, want %d at most, and %d writes", time.Since(began), len(reads), most, len(writes))
	}
}

// A list is read by an implementation that others wrote, from the token's claim
// to the bit.
func TestStatusListIsReadByOthers(t *testing.T) {
	i := start(t)
	job := i.webApp(t, "job", credentialsOnly)
	ask := askNode(t, "@sd-jwt/jwt-status-list", "status.mjs", i.URL)
	var tokens []string
	for range 12 {
		tokens = append(tokens, i.post(t, "/oauth2/token", "job", job, url.Values{"grant_type": {"client_credentials"}}).str("access_token"))
	}
	for n, token := range tokens {
		if n%4 == 0 {
			i.revoke(t, "job", job, token)
		}
	}
	for n, token := range tokens {
		var answer struct {
			Status int
			Error  string
		}
		must(t, ask(map[string]string{"token": token}, &answer))
		if revoked := n%4 == 0; answer.Error != "" || (answer.Status == 1) != revoked {
			t.Errorf("token %d: %+v", n, answer)
		}
	}
}
