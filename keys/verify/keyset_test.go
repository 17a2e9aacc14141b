package verify

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// mustVerify and mustFail say what becomes of a token at a moment.
func mustVerify(t *testing.T, v *Verifier, token, when string) {
	t.Helper()
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("%s: %v", when, err)
	}
}

func mustFail(t *testing.T, v *Verifier, token, when string, want error) {
	t.Helper()
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", when, err, want)
	}
}

func TestNothingIsFetchedWhileTheKeysAreFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t, "1")
		f := newIssuer(t, key)
		slow := f.replies[jwksURL]
		slow.delay = time.Second
		f.serve(jwksURL, slow)
		v := newVerifier(t, f)
		token := goodToken(t, key)
		if f.total() != 0 {
			t.Error("New fetches")
		}
		var together sync.WaitGroup
		for range 1000 {
			together.Go(func() { mustVerify(t, v, token, "at first") })
		}
		together.Wait()
		time.Sleep(7 * time.Minute)
		mustVerify(t, v, token, "while fresh")
		synctest.Wait()
		if f.count(discoveryURL) != 1 || f.count(jwksURL) != 1 {
			t.Errorf("requests: %v", f.counts)
		}
		// Past max-age, within stale-while-revalidate: nobody waits.
		f.serve(jwksURL, reply{delay: -1})
		time.Sleep(3*time.Minute + 30*time.Second)
		before := time.Now()
		mustVerify(t, v, token, "while renewing")
		if time.Since(before) != 0 {
			t.Error("a request waited for the renewal")
		}
		synctest.Wait()
		if f.count(jwksURL) != 2 || f.asked() != 1 {
			t.Errorf("%d requests for the keys, %d with If-None-Match", f.count(jwksURL), f.asked())
		}
	})
}

// A reader that looked just before an edition was replaced does not fetch it
// once more.
func TestRefreshLooksAgain(t *testing.T) {
	f := newIssuer(t, newKey(t, "1"))
	v := newVerifier(t, f)
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	flight, failing := v.keys.refresh(time.Now())
	<-flight.done
	if failing || flight.err != nil || flight.e != v.keys.current.Load() || f.count(jwksURL) != 1 {
		t.Errorf("%v, %v, requests: %v", flight, failing, f.counts)
	}
}

// TestForgedKidsAreNoFlood: 10,000 tokens that each name another key lead to a
// handful of requests, one after another and at once.
func TestForgedKidsAreNoFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t, "1")
		f := newIssuer(t, key)
		v := newVerifier(t, f)
		good := goodToken(t, key)
		mustVerify(t, v, good, "at first")
		forged := make([]string, 10_000)
		for i := range forged {
			forged[i] = forge(fmt.Sprintf(`{"alg":"ES256","kid":"forged-%d","typ":"at+jwt"}`, i), claimsWith(nil), func([]byte) []byte { return make([]byte, 64) })
		}
		time.Sleep(time.Minute)
		began := f.total()
		var together sync.WaitGroup
		for i, token := range forged {
			if i%2 == 0 {
				together.Go(func() { mustFail(t, v, token, "at once", ErrUnknownKey) })
				continue
			}
			mustFail(t, v, token, "one by one", ErrUnknownKey)
			time.Sleep(10 * time.Millisecond) // 5,000 of them: 50 s
		}
		together.Wait()
		if n := f.total() - began; n < 1 || n > 3 {
			t.Errorf("%d requests for %d forged tokens in 50 s", n, len(forged))
		}
		mustVerify(t, v, good, "in the flood")
	})
}

func TestRotationInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newKey(t, "1"), newKey(t, "2")
		f := newIssuer(t, first)
		v := newVerifier(t, f)
		old, fresh := goodToken(t, first), goodToken(t, second)
		mustVerify(t, v, old, "before")
		mustFail(t, v, fresh, "just fetched, before it is published", ErrUnknownKey)
		// An emergency: the key is published and signs at once.
		f.publish(t, first, second)
		mustFail(t, v, fresh, "within KeyRefetch", ErrUnknownKey)
		time.Sleep(30 * time.Second)
		var together sync.WaitGroup
		for range 100 {
			together.Go(func() { mustVerify(t, v, fresh, "after KeyRefetch") })
			together.Go(func() { mustVerify(t, v, old, "meanwhile") })
		}
		together.Wait()
		if f.count(jwksURL) != 2 {
			t.Errorf("%d fetches of the keys", f.count(jwksURL))
		}
		// The old key is taken out.
		f.publish(t, second)
		time.Sleep(11 * time.Minute)
		mustFail(t, v, old, "after its removal", ErrUnknownKey)
		mustVerify(t, v, fresh, "after the removal of the other")
	})
}

func TestIssuerDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t, "1")
		f := newIssuer(t, key)
		v := newVerifier(t, f)
		token, unknown := goodToken(t, key), goodToken(t, newKey(t, "2"))
		f.setDown(true)
		mustFail(t, v, token, "down from the beginning", ErrUnavailable)
		n := f.total()
		for range 1000 {
			mustFail(t, v, token, "at once again", ErrUnavailable)
		}
		if f.total() != n {
			t.Errorf("%d requests without any back-off", f.total()-n)
		}
		var unavailable *UnavailableError
		if err := v.Ready(t.Context()); !errors.As(err, &unavailable) || unavailable.RetryAfter < time.Second || unavailable.RetryAfter > lastRetry {
			t.Errorf("Ready: %v", err)
		}
		f.setDown(false)
		time.Sleep(lastRetry)
		mustVerify(t, v, token, "up again")

		f.setDown(true)
		time.Sleep(12 * time.Minute)
		began := f.total()
		for range 3600 { // an hour, less what has passed since the keys had their time
			mustVerify(t, v, token, "down, with keys")
			time.Sleep(900 * time.Millisecond)
		}
		if n := f.total() - began; n < 50 || n > 500 {
			t.Errorf("%d requests in 54 minutes of outage", n)
		}
		began = f.total()
		for range 1000 {
			mustFail(t, v, unknown, "an unknown key in an outage", ErrUnavailable)
		}
		if n := f.total() - began; n > 2 { // the keys, and the metadata to look where they are
			t.Errorf("%d requests for unknown keys in an outage", n)
		}
		time.Sleep(10 * time.Minute)
		mustFail(t, v, token, "longer than KeysMaxStale", ErrUnavailable)
		f.setDown(false)
		time.Sleep(lastRetry)
		mustVerify(t, v, token, "up once more")
		mustFail(t, v, unknown, "an unknown key", ErrUnknownKey)
	})
}

// An issuer that swallows requests makes one of ours wait, not all.
func TestOnlyTheFirstFailureIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t, "1")
		f := newIssuer(t, key)
		v := newVerifier(t, f)
		token := goodToken(t, key)
		mustVerify(t, v, token, "before")
		f.serve(jwksURL, reply{delay: -1})
		time.Sleep(15 * time.Minute)
		began := time.Now()
		mustVerify(t, v, token, "the first")
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("the first waited %v", waited)
		}
		for range 1000 {
			began = time.Now()
			mustVerify(t, v, token, "another")
			if time.Since(began) != 0 {
				t.Fatal("another waited too")
			}
			time.Sleep(time.Second)
		}
	})
}

// An issuer that promises nothing is asked every half minute, not every time.
func TestKeysThatAreNeverFresh(t *testing.T) {
	for _, header := range []string{"no-store", "max-age=0"} {
		synctest.Test(t, func(t *testing.T) {
			key := newKey(t, "1")
			f := newIssuer(t, key)
			f.serve(jwksURL, reply{body: f.replies[jwksURL].body, header: map[string]string{"Cache-Control": header}})
			v := newVerifier(t, f)
			token := goodToken(t, key)
			for range 600 {
				mustVerify(t, v, token, header)
				time.Sleep(time.Second)
			}
			if n := f.count(jwksURL); n < 20 || n > 27 {
				t.Errorf("%s: %d requests in ten minutes", header, n)
			}
		})
	}
}

// What the issuer answers instead of keys never takes the place of keys.
func TestBadKeySets(t *testing.T) {
	small := newRSAKey(t, "small", 1024)
	other, _ := json.Marshal(map[string]any{"keys": []any{newKey(t, "other").jwk()}})
	secret := `{"keys":[{"kty":"oct","kid":"1","alg":"HS256","k":"c2VjcmV0"}]}`
	bodies := map[string]reply{
		"an empty set":        {body: []byte(`{"keys":[]}`)},
		"no set":              {body: []byte(`{}`)},
		"a secret":            {body: []byte(secret)},
		"not JSON":            {body: []byte(`<html>`)},
		"nothing":             {},
		"an error":            {status: http.StatusServiceUnavailable, body: []byte(`{"keys":[]}`)},
		"too large":           {body: append(other, strings.Repeat(" ", maxBody)...)},
		"nested too deep":     {body: []byte(`{"keys":` + strings.Repeat("[", maxBody/2))},
		"slow":                {delay: -1},
		"slow after a header": {drip: true},
		"304 to no question":  {status: http.StatusNotModified},
	}
	weak, _ := json.Marshal(map[string]any{"keys": []any{small.jwk()}})
	bodies["a weak key"] = reply{body: weak}
	for name, bad := range bodies {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				key := newKey(t, "1")
				f := newIssuer(t, key)
				token := goodToken(t, key)
				f.serve(jwksURL, bad)
				began := time.Now()
				fresh := newVerifier(t, f)
				mustFail(t, fresh, token, "without keys", ErrUnavailable)
				if waited := time.Since(began); waited > 5*time.Second {
					t.Errorf("waited %v", waited)
				}
				f.publish(t, key)
				v := newVerifier(t, f)
				mustVerify(t, v, token, "with keys")
				f.serve(jwksURL, bad)
				time.Sleep(30 * time.Minute)
				mustVerify(t, v, token, "with the last good keys")
			})
		})
	}
}

// A set may hold keys of no use beside good ones.
func TestKeysOfNoUseArePassedOver(t *testing.T) {
	key, other := newKey(t, "1"), newKey(t, "1")
	encryption, wrong := newKey(t, "enc").jwk(), newKey(t, "wrong").jwk()
	encryption.Use, wrong.Algorithm = "enc", "RS256"
	unnamed := newKey(t, "").jwk()
	private := newKey(t, "private")
	var raw []json.RawMessage
	for _, k := range []any{
		map[string]any{"kty": "AKP", "kid": "2"}, map[string]any{"kty": "oct", "kid": "3", "k": "c2VjcmV0"}, "x",
		encryption, wrong, unnamed, key.jwk(), other.jwk(), map[string]any{"kty": "EC", "crv": "P-256", "kid": "4", "x": "AA", "y": "AA"},
	} {
		b, err := json.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		raw = append(raw, b)
	}
	leaked := private.jwk()
	leaked.Key = private.private
	b, _ := json.Marshal(leaked)
	body, _ := json.Marshal(map[string]any{"keys": append(raw, b)})
	set, err := parseKeys(body, []string{"RS256", "ES256"})
	if err != nil || len(set) != 1 || !key.private.Public().(*ecdsa.PublicKey).Equal(set["1"].public) {
		t.Errorf("%v, %v", set, err)
	}
}

func TestDiscovery(t *testing.T) {
	key := newKey(t, "1")
	metadata := func(issuer, jwks string) []byte {
		return fmt.Appendf(nil, `{"issuer":%q,"jwks_uri":%q}`, issuer, jwks)
	}
	t.Run("RFC 8414", func(t *testing.T) {
		f := newIssuer(t, key)
		delete(f.replies, discoveryURL)
		f.serve("https://id.example/.well-known/oauth-authorization-server/tenant", reply{body: metadata(testIssuer, jwksURL)})
		mustVerify(t, newVerifier(t, f), goodToken(t, key), "found there")
	})
	t.Run("given", func(t *testing.T) {
		f := newIssuer(t, key)
		mustVerify(t, newVerifier(t, f, func(c *Config) { c.JWKSURI = jwksURL }), goodToken(t, key), "not looked for")
		if f.total() != 1 {
			t.Errorf("requests: %v", f.counts)
		}
	})
	t.Run("moved", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newIssuer(t, key)
			v, token := newVerifier(t, f), goodToken(t, key)
			mustVerify(t, v, token, "before")
			f.serve("https://cdn.example/keys", f.replies[jwksURL])
			f.serve(discoveryURL, reply{body: metadata(testIssuer, "https://cdn.example/keys")})
			f.serve(jwksURL, reply{status: http.StatusGone})
			for range 3 {
				time.Sleep(time.Hour / 2)
				mustVerify(t, v, token, "moved")
			}
			if f.count("https://cdn.example/keys") == 0 {
				t.Error("the new address was not found")
			}
		})
	})
	for name, body := range map[string][]byte{
		"another issuer":  metadata("https://evil.example", jwksURL),
		"keys over http":  metadata(testIssuer, "http://id.example/keys"),
		"keys in a file":  metadata(testIssuer, "file:///etc/passwd"),
		"no keys":         metadata(testIssuer, ""),
		"not JSON at all": []byte("<html>"),
	} {
		t.Run(name, func(t *testing.T) {
			f := newIssuer(t, key)
			f.serve(discoveryURL, reply{body: body})
			mustFail(t, newVerifier(t, f), goodToken(t, key), name, ErrUnavailable)
		})
	}
}

// Over real connections: TLS, a redirect within the host and one to another.
func TestRedirectsStayAtOneHost(t *testing.T) {
	key := newKey(t, "1")
	body, _ := json.Marshal(map[string]any{"keys": []any{key.jwk()}})
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	defer other.Close()
	mux := http.NewServeMux()
	mux.Handle("/keys", other.Config.Handler)
	mux.Handle("/near", http.RedirectHandler("/keys", http.StatusFound))
	mux.Handle("/far", http.RedirectHandler(other.URL+"/keys", http.StatusFound))
	mux.Handle("/round", http.RedirectHandler("/round", http.StatusFound))
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	for path, want := range map[string]error{"/keys": nil, "/near": nil, "/far": ErrUnavailable, "/round": ErrUnavailable} {
		v, err := New(Config{Issuer: server.URL, Audience: testAudience, JWKSURI: server.URL + path, Client: server.Client()})
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Ready(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
		v.Close()
	}
	v, err := New(Config{Issuer: server.URL, Audience: testAudience, JWKSURI: server.URL + "/keys", Client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if err := v.Ready(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a certificate of nobody's: %v", err)
	}
}

// Who waits can give up, and Close ends what is under way.
func TestWaitingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t, "1")
		f := newIssuer(t, key)
		f.serve(jwksURL, reply{delay: -1})
		v := newVerifier(t, f)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := v.Verify(ctx, goodToken(t, key)); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		go v.Close()
		mustFail(t, v, goodToken(t, key), "closed", ErrUnavailable)
		if time.Since(began) != time.Second {
			t.Errorf("waited %v", time.Since(began))
		}
		v.Close()
		mustFail(t, v, goodToken(t, key), "closed before", ErrUnavailable)
	})
}

func TestFreshness(t *testing.T) {
	for _, tt := range []struct {
		header, age     string
		found           bool
		fresh, renewing time.Duration
	}{
		{"", "", false, 0, 0},
		{"public, max-age=600, stale-while-revalidate=60", "", true, 10 * time.Minute, time.Minute},
		{`Max-Age="600"`, "500", true, 100 * time.Second, 0},
		{"max-age=600", "700", true, 0, 0},
		{"max-age=600, no-cache", "", true, 0, 0},
		{"no-store", "", true, 0, 0},
		{"max-age=99999999999999999999999", "", true, longest, 0},
		{"max-age=-1", "", true, 0, 0},
		{"max-age=x", "", true, 0, 0},
		{"public", "", false, 0, 0},
	} {
		h := http.Header{"Cache-Control": {tt.header}, "Age": {tt.age}}
		if found, fresh, renewing := freshness(h); found != tt.found || fresh != tt.fresh || renewing != tt.renewing {
			t.Errorf("%q: %v %v %v", tt.header, found, fresh, renewing)
		}
	}
}
