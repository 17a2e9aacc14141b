package verify

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestHandler(t *testing.T) {
	key := newKey(t, "1")
	f := newIssuer(t, key)
	f.serveList(key.sign(t, typ("statuslist+jwt"), listClaims(2, []byte{0b11_10_01_00}, 60)))
	var log bytes.Buffer
	v := newVerifier(t, f, func(c *Config) { c.Realm, c.Logger = "orders", slog.New(slog.NewTextHandler(&log, nil)) })
	good := goodToken(t, key)
	sign := func(changes map[string]any) string {
		return "Bearer " + key.sign(t, typ("at+jwt"), claimsWith(changes))
	}
	hostile := "x\r\nSet-Cookie: a=b\"\\"
	invalid := func(description string) string {
		return `Bearer realm="orders", error="invalid_token", error_description="` + description + `"`
	}
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, ok := FromContext(r.Context())
		fmt.Fprintf(w, "%v %s", ok, claims.Subject)
	})
	handler := v.Handler(next, Scopes("orders:read"), Scopes("orders:write"))
	const notValid = "the access token is not valid here"
	for _, tt := range []struct {
		name          string
		authorization []string
		status        int
		challenge     string
	}{
		{"good", []string{"Bearer " + good}, 200, ""},
		{"scheme in small letters", []string{"bearer " + good}, 200, ""},
		{"several spaces", []string{"BEARER   " + good + " "}, 200, ""},
		{"no token", nil, 401, `Bearer realm="orders"`},
		{"another scheme", []string{"Basic YTpi"}, 401, `Bearer realm="orders"`},
		{"another scheme that begins like it", []string{"Bearers " + good}, 401, `Bearer realm="orders"`},
		{"two headers", []string{"Bearer " + good, "Bearer " + good}, 400, `Bearer realm="orders", error="invalid_request", error_description="the Authorization header is malformed"`},
		{"two in one", []string{"Bearer " + good + ", Bearer " + good}, 400, `Bearer realm="orders", error="invalid_request", error_description="the Authorization header is malformed"`},
		{"nothing behind the scheme", []string{"Bearer"}, 400, `Bearer realm="orders", error="invalid_request", error_description="the Authorization header is malformed"`},
		{"not a JWT", []string{"Bearer x.y.z"}, 401, invalid(notValid)},
		{"ID token", []string{"Bearer " + key.sign(t, typ("JWT"), claimsWith(nil))}, 401, invalid("this is not an access token")},
		{"expired", []string{sign(map[string]any{"exp": 1})}, 401, invalid("the access token has expired")},
		{"another audience, hostile", []string{sign(map[string]any{"aud": hostile})}, 401, invalid(notValid)},
		{"another issuer, hostile", []string{sign(map[string]any{"iss": hostile})}, 401, invalid(notValid)},
		{"hostile kid", []string{"Bearer " + newKey(t, hostile).sign(t, typ("at+jwt"), claimsWith(nil))}, 401, invalid(notValid)},
		{"bound to a key", []string{sign(map[string]any{"cnf": map[string]any{"jkt": "x"}})}, 401, invalid(notValid)},
		{"revoked", []string{"Bearer " + withStatus(t, key, 1, testList)}, 401, invalid("the access token was revoked")},
		{"suspended", []string{"Bearer " + withStatus(t, key, 2, testList)}, 401, invalid("the access token is suspended")},
		{"one scope of two", []string{sign(map[string]any{"scope": "orders:read"})}, 403,
			`Bearer realm="orders", error="insufficient_scope", scope="orders:read orders:write", error_description="the access token does not have the scope that is needed"`},
		{"a list that cannot be had", []string{"Bearer " + withStatus(t, key, 0, testIssuer+"/oauth2/status/9")}, 503, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/orders?access_token="+good, strings.NewReader("access_token="+good))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header["Authorization"] = tt.authorization
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			h := w.Header()
			if w.Code != tt.status || h.Get("WWW-Authenticate") != tt.challenge || h.Get("Set-Cookie") != "" {
				t.Errorf("%d, WWW-Authenticate: %s\n%s", w.Code, h.Get("WWW-Authenticate"), w.Body)
			}
			if tt.status == http.StatusOK && w.Body.String() != "true ada" {
				t.Errorf("next said %q", w.Body)
			}
			if tt.status != http.StatusOK && (h.Get("Cache-Control") != "no-store" || strings.Contains(w.Body.String(), "true")) {
				t.Errorf("header %v, body %q", h, w.Body)
			}
			if after, err := strconv.Atoi(h.Get("Retry-After")); tt.status == http.StatusServiceUnavailable && (err != nil || after < 1 || after > 30) {
				t.Errorf("Retry-After: %q", h.Get("Retry-After"))
			}
		})
	}
	if logged := log.String(); strings.Contains(logged, good) || strings.Contains(logged, "\nSet-Cookie") || !strings.Contains(logged, "another audience") {
		t.Errorf("the log says:\n%s", logged)
	}
}

// Nothing but a Handler puts claims into a context.
func TestFromContextWithoutHandler(t *testing.T) {
	if claims, ok := FromContext(t.Context()); ok || claims != nil {
		t.Errorf("%v %v", claims, ok)
	}
}

func TestRequireWithoutRealm(t *testing.T) {
	v := newVerifier(t, newIssuer(t, newKey(t, "1")))
	w := httptest.NewRecorder()
	v.Require("orders:read")(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != "Bearer" || w.Body.Len() != 0 {
		t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
	}
}

func TestScopesRefusesWhatIsNone(t *testing.T) {
	for _, scope := range []string{"", "a b", `a"`, `a\`, "a\r\nb", "é"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q was accepted", scope)
				}
			}()
			Scopes(scope)
		}()
	}
}

// Every error has an answer that says nothing of its text.
func TestWriteErrorIsSafe(t *testing.T) {
	v := newVerifier(t, newIssuer(t, newKey(t, "1")))
	for _, err := range []error{
		ErrNoToken, ErrRequest, ErrMalformed, ErrType, ErrUnknownKey, ErrSignature, ErrIssuer, ErrAudience, ErrExpired,
		ErrNotYetValid, ErrRevoked, ErrSuspended, ErrStatus, ErrBound, &ScopeError{Required: []string{"a"}},
		&UnavailableError{What: "secret", RetryAfter: 1500 * time.Millisecond, Cause: http.ErrServerClosed}, http.ErrBodyNotAllowed,
	} {
		w := httptest.NewRecorder()
		v.WriteError(w, httptest.NewRequest(http.MethodGet, "/", nil), fmt.Errorf("%w: secret\r\nX: y", err))
		if w.Code < 400 || strings.Contains(fmt.Sprint(w.Header(), w.Body), "secret") {
			t.Errorf("%v: %d %v %s", err, w.Code, w.Header(), w.Body)
		}
		if w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") != "2" {
			t.Errorf("Retry-After: %s", w.Header().Get("Retry-After"))
		}
	}
}
