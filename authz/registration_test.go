package authz_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/fetch"
	"signet/authz/storetest"
	"signet/keys"
)

// documents are what can be fetched, by URL.
type documents struct {
	bodies  map[string]string
	fetched int
}

func (d *documents) Do(_ context.Context, r fetch.Request) (*fetch.Response, error) {
	d.fetched++
	body, ok := d.bodies[r.URL]
	switch {
	case strings.Contains(r.URL, "unreachable"):
		return nil, errors.New("no route")
	case !ok:
		return &fetch.Response{Status: http.StatusNotFound}, nil
	}
	return &fetch.Response{Status: http.StatusOK, Body: []byte(body)}, nil
}

// newRegistrar is a provider that everyone registers at, and its clock.
func newRegistrar(t *testing.T, d *documents, change ...func(*authz.Config)) (*authz.Provider, *time.Time) {
	t.Helper()
	db := storetest.NewMemory()
	now := time.Now()
	return newProvider(t, db, &fakeKeys{}, nil, append([]func(*authz.Config){func(c *authz.Config) {
		c.Fetch, c.Now = d, func() time.Time { return now }
		c.Registration = authz.Registration{
			Mode: authz.RegistrationOpen, Store: db, Scopes: []string{"openid", "email"}, PerAddress: 1000, PerMinute: 1000, MaxUnused: 1000,
		}
	}}, change...)...), &now
}

func registerAt(t *testing.T, p *authz.Provider, metadata map[string]any) (int, map[string]any) {
	t.Helper()
	if _, ok := metadata["redirect_uris"]; !ok {
		metadata["redirect_uris"] = []string{"https://app.example/cb"}
	}
	doc, err := json.Marshal(metadata)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/register", bytes.NewReader(doc))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	p.Register(w, r)
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Code, answer
}

// The sector of a client is fetched, and lists all that it registers (OpenID
// Connect Registration, section 5).
func TestSectorIsFetched(t *testing.T) {
	d := &documents{bodies: map[string]string{
		"https://sector.example/both":   `["https://app.example/cb", "https://other.example/cb", "https://third.example/"]`,
		"https://sector.example/one":    `["https://app.example/cb"]`,
		"https://sector.example/object": `{"redirect_uris": ["https://app.example/cb"]}`,
		"https://sector.example/html":   `<html>`,
	}}
	p, _ := newRegistrar(t, d)
	for uri, want := range map[string]string{
		"https://sector.example/both":   "",
		"https://sector.example/one":    "https://other.example/cb",
		"https://sector.example/object": "JSON list",
		"https://sector.example/html":   "JSON list",
		"https://sector.example/gone":   "could not be fetched",
		"https://unreachable.example/":  "could not be fetched",
		"http://sector.example/both":    "https://",
	} {
		code, answer := registerAt(t, p, map[string]any{
			"sector_identifier_uri": uri, "redirect_uris": []string{"https://app.example/cb", "https://other.example/cb"},
		})
		text, _ := answer["error_description"].(string)
		switch {
		case want == "" && (code != http.StatusCreated || answer["sector_identifier_uri"] != uri):
			t.Errorf("%s: %d %v", uri, code, answer)
		case want != "" && (code != http.StatusBadRequest || answer["error"] != "invalid_client_metadata" || !strings.Contains(text, want)):
			t.Errorf("%s: %d %v, want %q", uri, code, answer, want)
		}
	}
}

// statementIssuer signs software statements.
type statementIssuer struct {
	t    *testing.T
	ring *keys.Ring
}

func newStatementIssuer(t *testing.T) *statementIssuer {
	t.Helper()
	ring, err := keys.Open(t.Context(), keys.Config{
		Store: storetest.NewMemory(), SealingKey: bytes.Repeat([]byte{3}, 32), Algorithms: []string{"ES256"},
		Schedule: keys.NewSchedule(keys.ScheduleOptions{RotateEvery: 24 * time.Hour, TokenLifetime: time.Minute}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &statementIssuer{t, ring}
}

func (s *statementIssuer) sign(claims map[string]any) string {
	s.t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		s.t.Fatal(err)
	}
	token, err := s.ring.Sign("ES256", "JWT", payload)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

func (s *statementIssuer) jwks() string {
	s.t.Helper()
	set, err := s.ring.JWKS()
	if err != nil {
		s.t.Fatal(err)
	}
	return string(set.Body)
}

// A statement of a trusted issuer goes before what the client says itself, and
// says nothing that is for an operator; any other is refused (RFC 7591, section
// 2.3).
func TestSoftwareStatements(t *testing.T) {
	issuer, file, stranger := newStatementIssuer(t), newStatementIssuer(t), newStatementIssuer(t)
	const jwksURI = "https://directory.example/jwks"
	d := &documents{bodies: map[string]string{jwksURI: issuer.jwks()}}
	p, now := newRegistrar(t, d, func(c *authz.Config) {
		c.Registration.Statements = []authz.TrustedStatement{
			{Issuer: "https://directory.example", JWKSURI: jwksURI}, {Issuer: "https://partner.example", JWKS: []byte(file.jwks())},
		}
	})
	claims := func(change map[string]any) map[string]any {
		c := map[string]any{
			"iss": "https://directory.example", "client_name": "Vouched for", "software_id": "app", "redirect_uris": []string{"https://app.example/cb"},
			"first_party": true, "scope": "openid signet:write", "iat": now.Unix(),
		}
		for k, v := range change {
			c[k] = v
		}
		return c
	}
	good := issuer.sign(claims(nil))
	code, answer := registerAt(t, p, map[string]any{
		"software_statement": good, "client_name": "My bank", "client_name#fr": "Ma banque", "scope": "email", "redirect_uris": []string{"https://evil.example/"}, "logo_uri": "https://app.example/l.png",
	})
	uris, _ := answer["redirect_uris"].([]any)
	if code != http.StatusCreated || answer["client_name"] != "Vouched for" || answer["client_name#fr"] != nil || answer["software_id"] != "app" || answer["scope"] != "openid" ||
		answer["logo_uri"] != "https://app.example/l.png" || len(uris) != 1 || uris[0] != "https://app.example/cb" || answer["software_statement"] != good {
		t.Errorf("%d %v", code, answer)
	}
	if code, answer = registerAt(t, p, map[string]any{"software_statement": file.sign(claims(map[string]any{"iss": "https://partner.example"}))}); code != http.StatusCreated {
		t.Errorf("by a file: %d %v", code, answer)
	}
	parts := strings.Split(good, ".")
	for name, c := range map[string]struct{ statement, want string }{
		"nobody's":            {stranger.sign(claims(map[string]any{"iss": "https://stranger.example"})), "unapproved_software_statement"},
		"no issuer":           {issuer.sign(map[string]any{"client_name": "x"}), "unapproved_software_statement"},
		"another's signature": {stranger.sign(claims(nil)), "invalid_software_statement"},
		"another's issuer":    {file.sign(claims(nil)), "invalid_software_statement"},
		"another payload":     {parts[0] + "." + strings.Split(issuer.sign(claims(map[string]any{"client_name": "y"})), ".")[1] + "." + parts[2], "invalid_software_statement"},
		"expired":             {issuer.sign(claims(map[string]any{"exp": now.Add(-2 * time.Minute).Unix()})), "invalid_software_statement"},
		"not yet":             {issuer.sign(claims(map[string]any{"nbf": now.Add(2 * time.Minute).Unix()})), "invalid_software_statement"},
		"alg none":            {"eyJhbGciOiJub25lIn0." + parts[1] + ".", "invalid_software_statement"},
		"no JWT":              {"x", "invalid_software_statement"},
		"bad metadata":        {issuer.sign(claims(map[string]any{"grant_types": "all"})), "invalid_client_metadata"},
		"bad redirect":        {issuer.sign(claims(map[string]any{"redirect_uris": []string{"javascript:x"}})), "invalid_redirect_uri"},
	} {
		if code, answer := registerAt(t, p, map[string]any{"software_statement": c.statement}); code != http.StatusBadRequest || answer["error"] != c.want {
			t.Errorf("%s: %d %v, want %s", name, code, answer, c.want)
		}
	}

	// New keys are fetched when they are met, but not at each guess.
	*now = now.Add(2 * time.Minute)
	fresh := newStatementIssuer(t)
	d.bodies[jwksURI], d.fetched = fresh.jwks(), 0
	for range 5 {
		registerAt(t, p, map[string]any{"software_statement": stranger.sign(claims(nil))})
	}
	if code, answer := registerAt(t, p, map[string]any{"software_statement": fresh.sign(claims(nil))}); code != http.StatusCreated || d.fetched != 1 {
		t.Errorf("new keys, after %d fetches: %d %v", d.fetched, code, answer)
	}
	*now = now.Add(time.Hour)
	delete(d.bodies, jwksURI)
	if code, answer := registerAt(t, p, map[string]any{"software_statement": fresh.sign(claims(nil))}); code != http.StatusBadRequest || answer["error"] != "invalid_software_statement" {
		t.Errorf("keys that are gone: %d %v", code, answer)
	}
}

// A configuration that cannot work is refused at the start.
func TestRegistrationThatCannotWork(t *testing.T) {
	for name, r := range map[string]authz.Registration{
		"mode":   {Mode: "opne", Store: storetest.NewMemory(), PerAddress: 1, PerMinute: 1, MaxUnused: 1},
		"store":  {Mode: "open", PerAddress: 1, PerMinute: 1, MaxUnused: 1},
		"limits": {Mode: "open", Store: storetest.NewMemory(), PerMinute: 1, MaxUnused: 1},
	} {
		db := storetest.NewMemory()
		_, err := authz.New(authz.Config{
			Issuer: "https://id.example.test", Grants: db, GrantFinder: db, Tokens: db, Status: db, Consents: db, Clients: db, People: db,
			Keys: &fakeKeys{}, SigningAlgs: []string{"RS256"}, Secret: bytes.Repeat([]byte{2}, 32), Registration: r,
			AccessTokenTTL: time.Minute, IDTokenTTL: time.Minute, CodeTTL: time.Minute, StatusTTL: time.Minute, RefreshIdleTTL: time.Hour, RefreshAbsoluteTTL: time.Hour,
		})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
