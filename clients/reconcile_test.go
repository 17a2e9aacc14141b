package clients

import (
	"errors"
	"strings"
	"testing"
	"time"
)

const (
	declaredSecret = "a declared secret of more than 32 characters"
	otherSecret    = "another secret of more than 32 characters"
)

// declaredApp is a valid declaration.
func declaredApp() Declared {
	c := webApp()
	c.Secrets = nil
	return Declared{Client: c, PlainSecrets: []string{declaredSecret}}
}

// start reconciles and returns what is stored afterwards.
func start(t *testing.T, declared []Declared, stored []Client, now time.Time) (create, update, after []Client) {
	t.Helper()
	create, update, err := Reconcile(nil, declared, stored, now)
	if err != nil {
		t.Fatal(err)
	}
	changed := make(map[string]Client)
	for _, c := range update {
		changed[c.ID] = c
	}
	for _, c := range stored {
		if u, ok := changed[c.ID]; ok {
			c = u
		}
		after = append(after, c)
	}
	return create, update, append(after, create...)
}

func TestReconcileCreatesOnceAndThenChangesNothing(t *testing.T) {
	public := Declared{Client: Client{ID: "cli", TokenEndpointAuthMethod: AuthMethodNone, GrantTypes: []string{GrantAuthorizationCode}, RedirectURIs: []string{"http://127.0.0.1"}}}
	// A short secret is salted, so that hashing it again gives another hash.
	salted := declaredApp()
	salted.PlainSecrets = []string{"short one"}
	declared := []Declared{salted, public}
	create, update, stored := start(t, declared, nil, noon)
	if len(create) != 2 || len(update) != 0 {
		t.Fatalf("first start: create %d, update %d", len(create), len(update))
	}
	c := create[0]
	if c.Source != SourceConfig || !c.CreatedAt.Equal(noon) || !c.UpdatedAt.Equal(noon) || !c.CheckSecret("short one", noon) {
		t.Errorf("created %+v", c)
	}
	// As a store gives it back: empty lists for nil ones.
	stored[1].Audiences, stored[1].Secrets = []string{}, []Secret{}
	create, update, _ = start(t, declared, stored, noon.Add(time.Hour))
	if len(create) != 0 || len(update) != 0 {
		t.Errorf("second start: create %+v, update %+v", create, update)
	}
}

func TestReconcileUpdates(t *testing.T) {
	no := false
	tests := []struct {
		name   string
		change func(*Declared)
		check  func(Client) bool
	}{
		{"a redirect URI", func(d *Declared) { d.Client.RedirectURIs = []string{"https://new.example/"} }, func(c Client) bool { return c.RedirectURIs[0] == "https://new.example/" }},
		{"a policy that was left out before", func(d *Declared) { d.Client.RequirePKCE = &no }, func(c Client) bool { return c.RequirePKCE != nil && !*c.RequirePKCE }},
		{"the algorithm of its ID tokens", func(d *Declared) { d.Client.IDTokenSignedResponseAlg = "ES256" }, func(c Client) bool { return c.IDTokenSignedResponseAlg == "ES256" }},
		{"the algorithm of its access tokens", func(d *Declared) { d.Client.AccessTokenSignedResponseAlg = "EdDSA" }, func(c Client) bool { return c.AccessTokenSignedResponseAlg == "EdDSA" }},
		{"its rules for refresh tokens", func(d *Declared) { d.Client.RefreshTokenGrace = new(time.Duration) }, func(c Client) bool { return c.RefreshTokenGrace != nil && *c.RefreshTokenGrace == 0 }},
		{"a field that is left out now", func(d *Declared) { d.Client.Name = "" }, func(c Client) bool { return c.Name == "" }},
		{"another secret", func(d *Declared) { d.PlainSecrets = []string{otherSecret} }, func(c Client) bool {
			return len(c.Secrets) == 1 && c.CheckSecret(otherSecret, noon) && !c.CheckSecret(declaredSecret, noon)
		}},
		{"a second secret", func(d *Declared) { d.PlainSecrets = append(d.PlainSecrets, otherSecret) }, func(c Client) bool {
			return len(c.Secrets) == 2 && c.CheckSecret(otherSecret, noon) && c.CheckSecret(declaredSecret, noon)
		}},
		{"confidential made public", func(d *Declared) {
			d.PlainSecrets, d.Client.TokenEndpointAuthMethod, d.Client.GrantTypes = nil, AuthMethodNone, []string{GrantAuthorizationCode}
		}, func(c Client) bool { return c.Public() && len(c.Secrets) == 0 }},
	}
	_, _, stored := start(t, []Declared{declaredApp()}, nil, noon)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := declaredApp()
			tt.change(&d)
			later := noon.Add(time.Hour)
			create, update, after := start(t, []Declared{d}, stored, later)
			if len(create) != 0 || len(update) != 1 || !tt.check(update[0]) {
				t.Fatalf("create %+v, update %+v", create, update)
			}
			if u := update[0]; !u.CreatedAt.Equal(noon) || !u.UpdatedAt.Equal(later) || u.Source != SourceConfig {
				t.Errorf("updated %+v", u)
			}
			if create, update, _ := start(t, []Declared{d}, after, later); len(create)+len(update) != 0 {
				t.Errorf("changes again at the next start: %+v", update)
			}
		})
	}
}

func TestReconcileDisablesWhatIsGoneAndEnablesWhatReturns(t *testing.T) {
	declared := []Declared{declaredApp()}
	_, _, stored := start(t, declared, nil, noon)
	byHand := webApp()
	byHand.ID, byHand.Source = "by-hand", SourceCLI
	stored = append(stored, byHand)

	_, update, stored := start(t, nil, stored, noon)
	if len(update) != 1 || update[0].ID != "web-app" || !update[0].Disabled || len(update[0].RedirectURIs) != 1 {
		t.Fatalf("gone: update %+v", update)
	}
	if _, update, _ := start(t, nil, stored, noon); len(update) != 0 {
		t.Errorf("still gone: update %+v", update)
	}
	_, update, _ = start(t, declared, stored, noon)
	if len(update) != 1 || update[0].Disabled {
		t.Errorf("back: update %+v", update)
	}
}

func TestReconcileReportsAllFaultsAndThenChangesNothing(t *testing.T) {
	byHand := webApp()
	byHand.ID, byHand.Source = "by-hand", SourceCLI
	gone := webApp()
	gone.ID, gone.Source = "gone", SourceConfig
	clash, twice, bad, weak := declaredApp(), declaredApp(), declaredApp(), declaredApp()
	clash.Client.ID = "by-hand"
	bad.Client.ID, bad.Client.RedirectURIs, bad.Client.Scopes = "bad", []string{"http://app.example.com/"}, []string{"a b"}
	weak.Client.ID, weak.PlainSecrets = "weak", []string{"1234567"}
	good := declaredApp()

	create, update, err := Reconcile(nil, []Declared{good, clash, twice, bad, weak}, []Client{byHand, gone}, noon)
	if create != nil || update != nil {
		t.Errorf("create %+v, update %+v beside an error", create, update)
	}
	var field *FieldError
	if !errors.As(err, &field) {
		t.Fatalf("no *FieldError in %v", err)
	}
	lines := strings.Split(err.Error(), "\n")
	wants := []string{
		"client \"by-hand\": it was made with `signet clients create`", `client "web-app": declared twice`,
		`client "bad": redirect_uris: "http://app.example.com/" must use https`, `client "bad": scope: "a b"`, `client "weak": client_secret: must have at least 8`,
	}
	if len(lines) != len(wants) {
		t.Errorf("%d faults, want %d:\n%v", len(lines), len(wants), err)
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing from:\n%v", want, err)
		}
	}
}
