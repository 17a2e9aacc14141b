package verify

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// setUp is an issuer with a key and a list of 2 bits: status 0, 1, 2, 3 at the
// indexes 0, 1, 2, 3, and nothing from 4 on.
func setUp(t *testing.T) (*fakeIssuer, testKey) {
	key := newKey(t, "1")
	f := newIssuer(t, key)
	f.serveList(key.sign(t, typ("statuslist+jwt"), listClaims(2, []byte{0b11_10_01_00}, 60)))
	return f, key
}

func TestStatus(t *testing.T) {
	f, key := setUp(t)
	v := newVerifier(t, f)
	for _, tt := range []struct {
		name string
		idx  any
		uri  string
		want error
	}{
		{"valid", 0, testList, nil},
		{"invalid", 1, testList, ErrRevoked},
		{"suspended", 2, testList, ErrSuspended},
		{"application specific", 3, testList, ErrRevoked},
		{"out of range", 4, testList, ErrStatus},
		{"far out of range", uint64(1<<64 - 1), testList, ErrStatus},
		{"negative", -1, testList, ErrMalformed},
		{"a fraction", 0.5, testList, ErrMalformed},
		{"a string", "0", testList, ErrMalformed},
		{"no index", nil, testList, ErrStatus},
		{"no URI", 0, "", ErrStatus},
		{"another host", 0, "https://evil.example/tenant/oauth2/status/1", ErrStatus},
		{"another port", 0, "https://id.example:444/tenant/oauth2/status/1", ErrStatus},
		{"another scheme", 0, "http://id.example/tenant/oauth2/status/1", ErrStatus},
		{"a user that looks like the host", 0, "https://id.example@evil.example/tenant/1", ErrStatus},
		{"a host that begins like it", 0, "https://id.example.evil.example/tenant/1", ErrStatus},
		{"another tenant", 0, "https://id.example/other/1", ErrStatus},
		{"a path that begins like it", 0, "https://id.example/tenant2/1", ErrStatus},
		{"up and away", 0, testIssuer + "/../other/1", ErrStatus},
		{"up and away, encoded", 0, testIssuer + "/%2e%2e/other/1", ErrStatus},
		{"up and away, backslash", 0, testIssuer + `/..\other/1`, ErrStatus},
		{"doubled slash", 0, testIssuer + "//1", ErrStatus},
		{"query", 0, testList + "?time=1", ErrStatus},
		{"fragment", 0, testList + "#x", ErrStatus},
		{"file", 0, "file:///etc/passwd", ErrStatus},
		{"the issuer itself", 0, testIssuer, ErrStatus},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mustFail(t, v, withStatus(t, key, tt.idx, tt.uri), tt.name, tt.want)
		})
	}
	if f.count(testList) != 1 || f.total() != 3 {
		t.Errorf("requests: %v", f.counts)
	}
	ignoring := newVerifier(t, f, func(c *Config) { c.Status = StatusIgnored })
	mustVerify(t, ignoring, withStatus(t, key, 1, testList), "a revoked token, ignoring lists")
	if f.count(testList) != 1 {
		t.Error("an ignored list was fetched")
	}
}

// On the loopback, where http would do, a list is not fetched by less than the
// issuer's https.
func TestStatusURIKeepsTheScheme(t *testing.T) {
	v := newVerifier(t, newIssuer(t, newKey(t, "1")), func(c *Config) { c.Issuer = "https://localhost" })
	for uri, want := range map[string]bool{"https://localhost/1": true, "http://localhost/1": false} {
		if err := v.checkStatusURI(uri); (err == nil) != want {
			t.Errorf("%s: %v", uri, err)
		}
	}
}

// TestTheListIsFetchedLast: no request for a token that is not valid by itself.
func TestTheListIsFetchedLast(t *testing.T) {
	f, key := setUp(t)
	v := newVerifier(t, f)
	ref := map[string]any{"status_list": map[string]any{"idx": 0, "uri": testList}}
	for name, token := range map[string]string{
		"expired":          key.sign(t, typ("at+jwt"), claimsWith(map[string]any{"exp": 1, "status": ref})),
		"another audience": key.sign(t, typ("at+jwt"), claimsWith(map[string]any{"aud": "x", "status": ref})),
		"forged":           newKey(t, "1").sign(t, typ("at+jwt"), claimsWith(map[string]any{"status": ref})),
	} {
		if _, err := v.Verify(t.Context(), token); err == nil || f.count(testList) != 0 {
			t.Errorf("%s: %v, %d requests", name, err, f.count(testList))
		}
	}
}

// What is not a good list is as if there were none.
func TestBadLists(t *testing.T) {
	key := newKey(t, "1")
	list := func(header map[string]any, changes map[string]any) string {
		claims := listClaims(1, []byte{0}, 60)
		maps.Copy(claims, changes)
		maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
		return key.sign(t, header, claims)
	}
	good := typ("statuslist+jwt")
	now := time.Now()
	for name, bad := range map[string]reply{
		"forged":              {body: []byte(newKey(t, "1").sign(t, good, listClaims(1, []byte{0}, 60)))},
		"by an unknown key":   {body: []byte(newKey(t, "2").sign(t, good, listClaims(1, []byte{0}, 60)))},
		"alg none":            {body: []byte(forge(`{"alg":"none","kid":"1","typ":"statuslist+jwt"}`, listClaims(1, []byte{0}, 60), func([]byte) []byte { return []byte{0} }))},
		"an access token":     {body: []byte(list(typ("at+jwt"), nil))},
		"no type":             {body: []byte(list(nil, nil))},
		"of another list":     {body: []byte(list(good, map[string]any{"sub": testIssuer + "/oauth2/status/2"}))},
		"of another issuer":   {body: []byte(list(good, map[string]any{"iss": "https://evil.example"}))},
		"without sub":         {body: []byte(list(good, map[string]any{"sub": nil}))},
		"without iat":         {body: []byte(list(good, map[string]any{"iat": nil}))},
		"without a list":      {body: []byte(list(good, map[string]any{"status_list": nil}))},
		"expired":             {body: []byte(list(good, map[string]any{"exp": now.Unix()}))},
		"from the future":     {body: []byte(list(good, map[string]any{"iat": now.Add(time.Hour).Unix()}))},
		"ttl of zero":         {body: []byte(list(good, map[string]any{"ttl": 0}))},
		"ttl below zero":      {body: []byte(list(good, map[string]any{"ttl": -5}))},
		"a zip bomb":          {body: []byte(list(good, map[string]any{"status_list": map[string]any{"bits": 1, "lst": encodeList(make([]byte, 16<<20))}}))},
		"5 bits":              {body: []byte(list(good, map[string]any{"status_list": map[string]any{"bits": 5, "lst": encodeList([]byte{0})}}))},
		"not a JWT":           {body: []byte("hello")},
		"larger than maxBody": {body: []byte(strings.Repeat("A", maxBody+1))},
		"gone":                {status: http.StatusNotFound},
		"an error":            {status: http.StatusInternalServerError},
		"slow":                {delay: -1},
		"another media type":  {body: []byte(list(good, nil)), header: map[string]string{"Content-Type": "application/jwt"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctestAt(t, now, func(t *testing.T) {
				f := newIssuer(t, key)
				if bad.header == nil {
					bad.header = map[string]string{"Content-Type": "application/statuslist+jwt"}
				}
				f.serve(testList, bad)
				token := withStatus(t, key, 0, testList)
				_, err := newVerifier(t, f).Verify(t.Context(), token)
				if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrSignature) || errors.Is(err, ErrType) {
					t.Errorf("failing closed: %v", err)
				}
				open := newVerifier(t, f, func(c *Config) { c.Status = StatusBestEffort })
				mustVerify(t, open, token, "failing open")
			})
		})
	}
}

// synctestAt runs a test on a fake clock that has reached a time: the one at
// which things were signed.
func synctestAt(t *testing.T, at time.Time, run func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(at))
		run(t)
	})
}

func TestRevocationIsSeenWithinTheTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t, "1")
		f := newIssuer(t, key)
		f.serveList(key.sign(t, typ("statuslist+jwt"), listClaims(1, []byte{0}, 5)))
		v := newVerifier(t, f)
		token, other := withStatus(t, key, 3, testList), withStatus(t, key, 4, testList)
		mustVerify(t, v, token, "at first")
		time.Sleep(time.Second)
		f.serveList(key.sign(t, typ("statuslist+jwt"), listClaims(1, []byte{1 << 3}, 5)))
		revoked := time.Now()
		for {
			_, err := v.Verify(t.Context(), token)
			if errors.Is(err, ErrRevoked) {
				break
			}
			if err != nil || time.Since(revoked) > 4*time.Second {
				t.Fatalf("%v after the revocation: %v", time.Since(revoked), err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		mustVerify(t, v, other, "its neighbour")
		// An older list, from a node or a cache that is behind, undoes nothing.
		stale := listClaims(1, []byte{0}, 5)
		stale["iat"] = revoked.Add(-time.Second).Unix()
		f.serveList(key.sign(t, typ("statuslist+jwt"), stale))
		for range 10 {
			time.Sleep(5 * time.Second)
			mustFail(t, v, token, "with an older list", ErrRevoked)
		}
		f.serveList(key.sign(t, typ("statuslist+jwt"), listClaims(1, []byte{0}, 5)))
		time.Sleep(5 * time.Second)
		mustVerify(t, v, token, "taken back by a newer list")
	})
}

func TestListIsRenewedByETag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, key := setUp(t)
		v := newVerifier(t, f)
		token := withStatus(t, key, 0, testList)
		for range 1000 { // 100 minutes, ttl 60 s
			mustVerify(t, v, token, "renewed")
			time.Sleep(6 * time.Second)
		}
		if n := f.count(testList); n < 100 || n > 134 || f.asked() < n-1 {
			t.Errorf("%d requests in 100 minutes, %d with If-None-Match", n, f.asked())
		}
	})
}

// A list is used for StatusMaxStale beyond its ttl when there is no newer one,
// and not a second beyond its exp.
func TestListInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, key := setUp(t)
		v := newVerifier(t, f)
		token, revoked := withStatus(t, key, 0, testList), withStatus(t, key, 1, testList)
		mustVerify(t, v, token, "before")
		f.serve(testList, reply{status: http.StatusBadGateway})
		time.Sleep(time.Minute)
		for range 30 {
			mustVerify(t, v, token, "in the outage")
			mustFail(t, v, revoked, "in the outage", ErrRevoked)
			time.Sleep(9900 * time.Millisecond)
		}
		time.Sleep(4 * time.Second)
		mustFail(t, v, token, "after it", ErrUnavailable)
		if n := f.count(testList); n > 30 {
			t.Errorf("%d requests in an outage of 5 minutes", n)
		}

		claims := listClaims(1, []byte{0}, 60)
		claims["exp"] = time.Now().Add(90 * time.Second).Unix()
		f.serveList(key.sign(t, typ("statuslist+jwt"), claims))
		time.Sleep(lastRetry)
		mustVerify(t, v, token, "after the outage")
		f.serve(testList, reply{status: http.StatusBadGateway})
		time.Sleep(59 * time.Second)
		mustVerify(t, v, token, "before exp")
		time.Sleep(time.Second)
		mustFail(t, v, token, "at exp", ErrUnavailable)
	})
}

// A list that has grown is fetched before its ttl for a token that is beyond
// the end of the old one.
func TestListThatGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newKey(t, "1")
		f := newIssuer(t, key)
		f.serveList(key.sign(t, typ("statuslist+jwt"), listClaims(1, []byte{0}, 600)))
		v := newVerifier(t, f)
		beyond := withStatus(t, key, 8, testList)
		mustFail(t, v, beyond, "at first", ErrStatus)
		f.serveList(key.sign(t, typ("statuslist+jwt"), listClaims(1, []byte{0, 0}, 600)))
		for range 100 {
			mustFail(t, v, beyond, "within KeyRefetch", ErrStatus)
		}
		if n := f.count(testList); n != 1 {
			t.Errorf("%d requests", n)
		}
		time.Sleep(30 * time.Second)
		mustVerify(t, v, beyond, "after it")
	})
}

// A token can make no more lists be kept than maxLists.
func TestListsAreBounded(t *testing.T) {
	key := newKey(t, "1")
	f := newIssuer(t, key)
	v := newVerifier(t, f)
	for i := range maxLists + 10 {
		uri := fmt.Sprintf("%s/oauth2/status/%d", testIssuer, i)
		claims := listClaims(1, []byte{0}, 60)
		claims["sub"] = uri
		f.serve(uri, reply{body: []byte(key.sign(t, typ("statuslist+jwt"), claims)), header: map[string]string{"Content-Type": "application/statuslist+jwt"}})
		mustVerify(t, v, withStatus(t, key, 0, uri), uri)
	}
	if n := len(v.lists.byURI); n != maxLists {
		t.Errorf("%d lists are kept", n)
	}
}
