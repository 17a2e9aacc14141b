package e2e

import (
	"net/http"
	"strings"
	"testing"

	"signet/clients"
	"signet/cmd/signet/config"
)

// Paths that a proxy and a router read differently (echo CVE-2026-55677): sent
// as raw bytes, none reaches an endpoint, and none is answered with a redirect,
// which a `//evil.test` would turn into one that leaves the host.
func TestPathTricks(t *testing.T) {
	for base, issuerPath := range map[string]string{"at the root": "", "below a path": "/tenant"} {
		t.Run(base, func(t *testing.T) {
			var address string
			i := start(t, func(c *config.Config) {
				address = c.Listen
				c.Issuer += issuerPath
			})
			i.person(t, "ada")
			if a := raw(t, address, rawGet(issuerPath+"/.well-known/jwks.json", address)); a.Status != http.StatusOK {
				t.Fatalf("the plain path: %d", a.Status)
			}
			for _, path := range []string{
				"/oauth2%2Fauthorize", "/oauth2%2fauthorize", "/oauth2/%61uthorize", "/%2e/oauth2/authorize", "/./oauth2/authorize",
				"/oauth2/../oauth2/authorize", "/oauth2/..%2foauth2/authorize", "/oauth2/%2e%2e/oauth2/authorize", "/x/..;/oauth2/authorize",
				"/oauth2;x=1/authorize", "/oauth2/authorize;x=1", "/oauth2/authorize/", "/oauth2//authorize", "//oauth2/authorize", "///oauth2/authorize",
				"/oauth2/authorize%00", "/oauth2/authorize%0a", "/oauth2/authorize%20", "/oauth2/authorize%3f", "/OAUTH2/authorize", "/oauth2/Authorize",
				`/oauth2\authorize`, `/\evil.test`, "//evil.test", "//evil.test/%2f..", "//evil%2f..", "///evil.test/..", "/%2f%2fevil.test", "/%5cevil.test",
				"/https://evil.test", "/.evil.test", "/@evil.test", "/static/..%2f..%2fetc/passwd", "/static/../../etc/passwd", "/static//etc/passwd",
				"/static/%2e%2e/%2e%2e/etc/passwd", "/static/", "/static", "/admin%2Fx", "/.well-known%2Fjwks.json", "/.well-known/jwks.json/",
				"/.well-known/jwks.json%23", "/setup/", "/setup/..%2flogin", "/interaction/../oauth2/authorize", "/interaction//login", "/interaction/%2e%2e/login",
				"/oauth2/authorize/../token", "/oauth2/%c0%ae%c0%ae/token", "/oauth2/authorize\x01", "/%", "/%zz", "/" + strings.Repeat("a/", 4000),
				"/" + strings.Repeat("%2e%2e/", 2000),
			} {
				for _, prefix := range []string{issuerPath, ""} {
					a := raw(t, address, rawGet(prefix+path, address))
					if a.Status != http.StatusNotFound && a.Status != http.StatusBadRequest {
						t.Errorf("%q: %d, want 404 (or 400)", prefix+path, a.Status)
					}
					if location := a.Header.Get("Location"); location != "" {
						t.Errorf("%q: redirected to %q", prefix+path, location)
					}
					if strings.Contains(a.Raw, "evil.test") || strings.Contains(a.Raw, "root:") {
						t.Errorf("%q comes back:\n%s", prefix+path, a.Raw)
					}
				}
			}
		})
	}
}

// Requests that two servers in a row could cut up differently, and methods
// and headers that nobody needs.
func TestHostileRequests(t *testing.T) {
	i := start(t)
	secret := i.webApp(t, "robot", func(c *clients.Client) { c.GrantTypes = append(c.GrantTypes, "client_credentials") })
	body := "grant_type=client_credentials&client_id=robot&client_secret=" + secret
	post := "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: " + formType + "\r\n"
	for name, request := range map[string]string{
		"two lengths":              post + "Content-Length: 1\r\nContent-Length: 200\r\n\r\n" + body,
		"a length that is none":    post + "Content-Length: +10\r\n\r\n" + body,
		"unknown encoding":         post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"chunk size with a sign":   post + "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
		"header without a name":    post + ": x\r\nContent-Length: 0\r\n\r\n",
		"header with a space":      post + "Content-Length : 0\r\n\r\n",
		"folded header":            post + "X-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n",
		"NUL in a header":          post + "X-A: \x00\r\nContent-Length: 0\r\n\r\n",
		"huge header":              post + "X-A: " + strings.Repeat("a", 128<<10) + "\r\nContent-Length: 0\r\n\r\n",
		"method that is no method": "G\"T / HTTP/1.1\r\nHost: x\r\n\r\n",
		"HTTP/3 in text":           "GET / HTTP/3.0\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if a := raw(t, i.address(), request); a.Status < 400 || a.Status == http.StatusInternalServerError || strings.Contains(a.Raw, "access_token") {
				t.Errorf("%d %s", a.Status, a.Raw)
			}
		})
	}
	for _, method := range []string{"TRACE", "CONNECT", "TRACK", "DEBUG", "PROPFIND", "PUT", "PATCH", "DELETE"} {
		for _, path := range []string{"/oauth2/token", "/oauth2/authorize", "/.well-known/jwks.json"} {
			a := i.send(t, method, path, "", "", http.Header{"Cookie": {"signet_session=secret-cookie"}})
			if (a.Status != http.StatusMethodNotAllowed && a.Status != http.StatusNotFound) || strings.Contains(a.Raw, "secret-cookie") {
				t.Errorf("%s %s: %d %s", method, path, a.Status, a.Raw)
			}
		}
	}
	a := i.send(t, http.MethodPost, "/oauth2/token", formType, body, http.Header{"X-Http-Method-Override": {"GET"}})
	if a.Status != http.StatusOK {
		t.Errorf("a method override counts: %d %s", a.Status, a.Raw)
	}
}
