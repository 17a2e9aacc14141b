package authz_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/login"
	"signet/authz/storetest"
	"signet/clients"
	"signet/keys"
)

// fakeKeys is a ring of every algorithm whose signatures are not looked at. Of
// those in none, no key may sign; of those in lost, none any more when it comes
// to signing.
type fakeKeys struct{ none, lost map[string]bool }

func (f *fakeKeys) SigningAlg(preferred string) (string, error) {
	if preferred == "" {
		preferred = "RS256"
	}
	if f.none[preferred] {
		return "", fmt.Errorf("%w (of %s)", keys.ErrNoSigner, preferred)
	}
	return preferred, nil
}

func (f *fakeKeys) SigningKID(string) (string, error) { return "k", nil }

func (f *fakeKeys) Sign(alg, typ string, payload []byte) (string, error) {
	if f.lost[alg] {
		return "", keys.ErrNoSigner
	}
	header, err := json.Marshal(map[string]string{"alg": alg, "kid": "k", "typ": typ})
	encode := base64.RawURLEncoding.EncodeToString
	return encode(header) + "." + encode(payload) + "." + encode([]byte("signature")), err
}

func (f *fakeKeys) Verify(string) (keys.Verified, error) {
	return keys.Verified{}, keys.ErrUnknownKey
}

func (f *fakeKeys) JWKS() (keys.JWKS, error) {
	return keys.JWKS{Body: []byte(`{"keys":[{}]}`), ETag: `"e"`, CacheControl: "public, max-age=7, stale-while-revalidate=3"}, nil
}

// signedIn is a provider with a person, ada, and a client, "app", that has
// algorithms of its own.
type signedIn struct {
	t    *testing.T
	p    *authz.Provider
	db   *storetest.Memory
	keys *fakeKeys
	log  *bytes.Buffer
}

func newSignedIn(t *testing.T, idAlg, accessAlg string) *signedIn {
	t.Helper()
	db, ring, log := storetest.NewMemory(), &fakeKeys{none: map[string]bool{}, lost: map[string]bool{}}, &bytes.Buffer{}
	secret, err := clients.HashSecret(nil, strings.Repeat("s", 40), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.CreatePerson(t.Context(), login.Person{ID: "ada", Username: "ada"}); err != nil {
		t.Fatal(err)
	}
	if err := db.CreateClient(t.Context(), clients.Client{
		ID: "app", Secrets: []clients.Secret{secret}, Source: clients.SourceCLI, FirstParty: true,
		RedirectURIs: []string{"https://app.example.test/cb"},
		GrantTypes:   []string{clients.GrantAuthorizationCode, clients.GrantRefreshToken, clients.GrantClientCredentials},
		Scopes:       []string{"openid", "offline_access", "photos"},

		IDTokenSignedResponseAlg: idAlg, AccessTokenSignedResponseAlg: accessAlg,
	}); err != nil {
		t.Fatal(err)
	}
	return &signedIn{t: t, p: newProvider(t, db, ring, slog.New(slog.NewTextHandler(log, nil))), db: db, keys: ring, log: log}
}

// code is a fresh authorization code for a scope.
func (s *signedIn) code(scope string) string {
	s.t.Helper()
	r, err := s.p.Begin(s.t.Context(), url.Values{
		"client_id": {"app"}, "response_type": {"code"}, "redirect_uri": {"https://app.example.test/cb"}, "scope": {scope}, "nonce": {"n"}, "state": {"s"},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	step, err := s.p.Advance(s.t.Context(), r, &login.Session{ID: "s1", Subject: "ada", AuthTime: time.Now()}, authz.NoAnswer)
	if err != nil || step.Response == nil || step.Response.Params.Get("code") == "" {
		s.t.Fatalf("%+v, %v", step, err)
	}
	return step.Response.Params.Get("code")
}

func (s *signedIn) token(form url.Values) (*httptest.ResponseRecorder, map[string]any) {
	s.t.Helper()
	return sendAs(s.t, "app", s.p.Token, form)
}

func (s *signedIn) tokens(form url.Values) map[string]any {
	s.t.Helper()
	w, body := s.token(form)
	if w.Code != http.StatusOK {
		s.t.Fatalf("%d %v", w.Code, body)
	}
	return body
}

func exchange(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"https://app.example.test/cb"}}
}

func refresh(body map[string]any) url.Values {
	token, _ := body["refresh_token"].(string)
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

func segment(t *testing.T, body map[string]any, name string, n int) map[string]any {
	t.Helper()
	token, _ := body[name].(string)
	text, err := base64.RawURLEncoding.DecodeString(append(strings.Split(token, "."), "", "")[n])
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatalf("%s: %v in %v", name, err, body)
	}
	return out
}

// Each token is signed as its client asks, and the hash in at_hash is that of
// the ID token's algorithm, whatever the access token's (OpenID Connect Core,
// section 3.1.3.6).
func TestTokensAreSignedAsTheClientAsks(t *testing.T) {
	for _, tt := range []struct{ idAlg, accessAlg, wantID, wantAccess string }{
		{"", "", "RS256", "RS256"},
		{"ES256", "", "ES256", "RS256"},
		{"", "PS256", "RS256", "PS256"},
		{"EdDSA", "ES256", "EdDSA", "ES256"},
		{"PS256", "EdDSA", "PS256", "EdDSA"},
	} {
		t.Run(tt.wantID+" and "+tt.wantAccess, func(t *testing.T) {
			s := newSignedIn(t, tt.idAlg, tt.accessAlg)
			check := func(body map[string]any) {
				t.Helper()
				if got := segment(t, body, "id_token", 0)["alg"]; got != tt.wantID {
					t.Errorf("the ID token is signed with %v", got)
				}
				if got := segment(t, body, "access_token", 0)["alg"]; got != tt.wantAccess {
					t.Errorf("the access token is signed with %v", got)
				}
				sum := sha256.Sum256([]byte(body["access_token"].(string)))
				want := base64.RawURLEncoding.EncodeToString(sum[:16])
				if tt.wantID == "EdDSA" {
					sum := sha512.Sum512([]byte(body["access_token"].(string)))
					want = base64.RawURLEncoding.EncodeToString(sum[:32])
				}
				if got := segment(t, body, "id_token", 1)["at_hash"]; got != want {
					t.Errorf("at_hash is %v, want %s", got, want)
				}
			}
			body := s.tokens(exchange(s.code("openid offline_access")))
			check(body)
			check(s.tokens(refresh(body)))
			body = s.tokens(url.Values{"grant_type": {"client_credentials"}, "scope": {"photos"}})
			if got := segment(t, body, "access_token", 0)["alg"]; got != tt.wantAccess || body["id_token"] != nil {
				t.Errorf("client_credentials: signed with %v: %v", got, body)
			}
		})
	}
}

// While no key may sign, a client is told to come again, and finds its code
// and its refresh token as good as before.
func TestWithoutASignerNothingIsSpent(t *testing.T) {
	for name, missing := range map[string]string{"ID token": "ES256", "access token": "PS256"} {
		t.Run(name, func(t *testing.T) {
			s := newSignedIn(t, "ES256", "PS256")
			unavailable := func(form url.Values) {
				t.Helper()
				s.keys.none[missing] = true
				s.log.Reset()
				w, body := s.token(form)
				if w.Code != http.StatusServiceUnavailable || body["error"] != "temporarily_unavailable" || w.Header().Get("Retry-After") == "" {
					t.Errorf("%d %v %v", w.Code, w.Header(), body)
				}
				if text := fmt.Sprint(body); strings.Contains(text, missing) {
					t.Errorf("the answer tells of keys: %s", text)
				}
				if line := s.log.String(); !strings.Contains(line, "level=ERROR") || !strings.Contains(line, name+": "+keys.ErrNoSigner.Error()) {
					t.Errorf("the log does not say why: %s", line)
				}
				s.keys.none[missing] = false
			}
			form := exchange(s.code("openid photos offline_access"))
			unavailable(form)
			unavailable(form)
			form = refresh(s.tokens(form))
			// There is no grace here: a refresh token that was spent would be
			// refused.
			unavailable(form)
			form = refresh(s.tokens(form))
			unavailable(form)

			// Without an ID token in the response, nobody misses its keys.
			s.keys.none["ES256"] = true
			form.Set("scope", "photos")
			if body := s.tokens(form); body["id_token"] != nil {
				t.Errorf("got %v", body)
			}
			s.keys.none["PS256"] = true
			if w, body := s.token(url.Values{"grant_type": {"client_credentials"}}); w.Code != http.StatusServiceUnavailable {
				t.Errorf("client_credentials: %d %v", w.Code, body)
			}
		})
	}
}

// The last key of an algorithm can go between the two.
func TestASignerLostOnTheWayIsNoFaultOfTheClient(t *testing.T) {
	s := newSignedIn(t, "ES256", "PS256")
	for _, alg := range []string{"PS256", "ES256"} {
		form := exchange(s.code("openid"))
		s.keys.lost = map[string]bool{alg: true}
		if w, body := s.token(form); w.Code != http.StatusServiceUnavailable || body["error"] != "temporarily_unavailable" || len(body) != 2 {
			t.Errorf("%s: %d %v", alg, w.Code, body)
		}
	}
}

// How long the JWKS may be cached follows from the schedule of the keys, so
// the ring says it.
func TestJWKSIsCachedAsTheRingSays(t *testing.T) {
	p := newSignedIn(t, "", "").p
	w := httptest.NewRecorder()
	p.JWKS(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if got := w.Header().Get("Cache-Control"); w.Code != http.StatusOK || got != "public, max-age=7, stale-while-revalidate=3" {
		t.Errorf("%d, Cache-Control: %s", w.Code, got)
	}
}
