package web

import (
	"context"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var errorID = regexp.MustCompile(`id="error-id">([^<]+)<`)

// The page and the log share an id, and the log says expected and received.
func TestErrorPageIDStandsInTheLog(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	p := w.browser().get(pathAuthorize+"?"+"client_id=nobody&secret=QUERYSECRET").want(400).
		contains("Request refused", "No app is registered", "invalid_client")
	if p.location() != "" {
		t.Fatal("redirected")
	}
	id := errorID.FindStringSubmatch(p.body)
	if id == nil || !strings.Contains(w.log.String(), `"request_id":"`+id[1]+`"`) || p.Header().Get("X-Request-Id") != id[1] {
		t.Fatalf("id %v is not in the log:\n%s", id, w.log)
	}
	for _, part := range []string{`"expected":"a registered client"`, `"received":"nobody"`} {
		if !strings.Contains(w.log.String(), part) {
			t.Errorf("the log lacks %s:\n%s", part, w.log)
		}
	}
	w.authz.fail = errBroken
	w.browser().get(pathAuthorize + "?" + authorizeQuery()).want(500).contains("Something went wrong").lacks("on fire")
	if !strings.Contains(w.log.String(), "on fire") {
		t.Error("the cause is not in the log")
	}
}

func TestPanicBecomesAPage(t *testing.T) {
	w := newWorld(t, httpsIssuer, func(c *Config) {
		c.Checks = []Check{{Name: "bomb", OK: func(context.Context) error { panic("boom") }}}
	})
	w.browser().get("/readyz").want(500).contains("Something went wrong").lacks("boom")
	if !strings.Contains(w.log.String(), `"stack"`) {
		t.Error("no stack in the log")
	}
}

// The log holds nothing that opens anything, whatever happens.
func TestLogHoldsNoSecrets(t *testing.T) {
	w := newWorld(t, httpsIssuer)
	for range everyPage(t, w) {
		continue
	}
	b := w.browser()
	b.head.Set("User-Agent", "AGENT-LEAK")
	b.head.Set("X-Request-Id", "STRANGERS-ID")
	b.get("/nowhere/PATHLEAK?x=QUERYLEAK")
	b.get(pathAuthorize + "?" + authorizeQuery("nonce", "NONCELEAK") + "&%zzBROKENLEAK")
	page := b.begin("nonce", "NONCELEAK")
	b.post(page, url.Values{"csrf": {b.get(page).csrf()}, "username": {"NAMELEAK"}, "password": {"PASSLEAK"}})
	b.post(pathSetup+setupToken, url.Values{"csrf": {"x"}, "password": {"PASSLEAK"}})
	b.do("PURGELEAK", "/", nil)
	for _, secret := range []string{
		"QUERYLEAK", "PATHLEAK", "NONCELEAK", "BROKENLEAK", "NAMELEAK", "PASSLEAK", "PURGELEAK", "AGENT-LEAK", "STRANGERS-ID",
		"SECRETCODE", "STATE-1", password, setupToken, "session-token", strings.Split(page, "/")[4], b.cookie(w.server.names.browser),
	} {
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
	for _, want := range []string{`"route":"/interaction/:flow/login"`, `"route":"unmatched"`, `"method":"other"`, `"status":404`} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}

func TestRemoteAddressBelievesTrustedProxiesAlone(t *testing.T) {
	for _, tc := range []struct {
		trusted, peer, forwarded, want string
	}{
		{"", "127.0.0.1:9", "6.6.6.6", "127.0.0.1"},
		{"10.0.0.0/8", "127.0.0.1:9", "6.6.6.6", "127.0.0.1"},
		{"10.0.0.0/8", "10.1.2.3:9", "1.1.1.1, 6.6.6.6", "6.6.6.6"},
		{"10.0.0.0/8", "10.1.2.3:9", "6.6.6.6, 10.9.9.9", "6.6.6.6"},
		{"fd00::/8", "[fd00::1]:9", "2001:db8::1", "2001:db8::1"},
	} {
		w := newWorld(t, httpsIssuer, func(c *Config) {
			if tc.trusted != "" {
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(tc.trusted)}
			}
		})
		r := httptest.NewRequest("GET", httpsIssuer+"/", nil)
		r.RemoteAddr = tc.peer
		r.Header.Set("X-Forwarded-For", tc.forwarded)
		r.Header.Set("X-Real-Ip", "7.7.7.7")
		w.http.ServeHTTP(httptest.NewRecorder(), r)
		if !strings.Contains(w.log.String(), `"remote":"`+tc.want+`"`) {
			t.Errorf("trusting %q, from %s: %s", tc.trusted, tc.peer, w.log)
		}
	}
}
