package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"signet/clients"
)

func fullClient(id string) clients.Client {
	pkce, listed, rotate, grace := false, false, false, 90*time.Second
	return clients.Client{
		ID: id, Name: "Bücher & <b>日本</b> 🔏",
		Secrets: []clients.Secret{
			{Hash: "sha256$00ff", CreatedAt: utc(1), ExpiresAt: utc(2)},
			{Hash: "pbkdf2-sha256$x", CreatedAt: utc(3)},
		},
		RedirectURIs:           []string{"https://app.example/cb?a=b&c=%2F", "http://127.0.0.1/cb", "com.example:/cb"},
		PostLogoutRedirectURIs: []string{"https://app.example/bye"},
		GrantTypes:             []string{clients.GrantAuthorizationCode, clients.GrantRefreshToken},
		Scopes:                 []string{"openid", "profile"},
		Audiences:              []string{"https://api.example", "urn:other"},
		FirstParty:             true, RequirePKCE: &pkce, IDTokenClaims: true, Disabled: true,
		TokenEndpointAuthMethod:  clients.AuthMethodBasic,
		IDTokenSignedResponseAlg: "ES256", AccessTokenSignedResponseAlg: "EdDSA",
		AccessTokenStatusList: &listed,
		AccessTokenFormat:     clients.AccessTokenOpaque, Introspection: clients.IntrospectAny,
		RefreshTokenGrace: &grace, RefreshTokenRotation: &rotate,
		RefreshTokenIdleTTL: 36 * time.Hour, RefreshTokenAbsoluteTTL: 1000 * time.Hour,
		ClientURI: "https://app.example", LogoURI: "https://app.example/l.png",
		PolicyURI: "https://app.example/p", TermsURI: "https://app.example/t",
		Source:    clients.SourceConfig,
		CreatedAt: utc(4), UpdatedAt: utc(5),
	}
}

func clientRoundTrip(t *testing.T, b Backend) {
	yes := true
	none := time.Duration(0)
	strict := clients.Client{ID: "strict", RequirePKCE: &yes, RefreshTokenRotation: &yes, RefreshTokenGrace: &none, Source: clients.SourceCLI}
	empty := clients.Client{
		ID: "empty", Secrets: []clients.Secret{}, RedirectURIs: []string{}, PostLogoutRedirectURIs: []string{},
		GrantTypes: []string{}, Scopes: []string{}, Audiences: []string{},
	}
	for _, c := range []clients.Client{fullClient("full-ü"), {ID: "zero"}, strict, empty} {
		must(t, b.CreateClient(t.Context(), c))
		got, err := b.Client(t.Context(), c.ID)
		must(t, err)
		same(t, "client "+c.ID, got, c)
	}

	c := fullClient("zones")
	c.CreatedAt, c.UpdatedAt = fine(4), fine(5)
	c.Secrets[0].CreatedAt, c.Secrets[0].ExpiresAt, c.Secrets[1].CreatedAt = fine(1), fine(2), fine(3)
	must(t, b.CreateClient(t.Context(), c))
	got, err := b.Client(t.Context(), "zones")
	must(t, err)
	same(t, "times in UTC with microseconds", got, fullClient("zones"))
}

func clientUpdate(t *testing.T, b Backend) {
	must(t, b.CreateClient(t.Context(), fullClient("a")))
	must(t, b.CreateClient(t.Context(), fullClient("b")))

	c := clients.Client{ID: "a", Name: "new", CreatedAt: at(50), UpdatedAt: fine(51)}
	must(t, replaceClient(t.Context(), b, c))
	got, err := b.Client(t.Context(), "a")
	must(t, err)
	same(t, "updated to zero values", got, clients.Client{ID: "a", Name: "new", CreatedAt: utc(4), UpdatedAt: utc(51)})

	must(t, replaceClient(t.Context(), b, fullClient("a")))
	got, err = b.Client(t.Context(), "a")
	must(t, err)
	same(t, "updated back", got, fullClient("a"))

	got, err = b.Client(t.Context(), "b")
	must(t, err)
	same(t, "another client", got, fullClient("b"))
}

func clientErrors(t *testing.T, b Backend) {
	if _, err := b.Client(t.Context(), "nowhere"); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("Client: got %v, want ErrNotFound", err)
	}
	if err := replaceClient(t.Context(), b, clients.Client{ID: "nowhere"}); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("UpdateClient: got %v, want ErrNotFound", err)
	}
	if all, err := b.Clients(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("Clients of an empty store: %v, %v", all, err)
	}
	must(t, b.CreateClient(t.Context(), fullClient("a")))
	if err := b.CreateClient(t.Context(), clients.Client{ID: "a"}); !errors.Is(err, clients.ErrExists) {
		t.Errorf("CreateClient of a taken id: got %v, want ErrExists", err)
	}
	got, err := b.Client(t.Context(), "a")
	must(t, err)
	same(t, "first client", got, fullClient("a"))
	if _, err := b.Client(t.Context(), "A"); !errors.Is(err, clients.ErrNotFound) {
		t.Errorf("client_id of another case: got %v, want ErrNotFound (RFC 6749, section 2.2)", err)
	}
}

func clientOrder(t *testing.T, b Backend) {
	for _, id := range []string{"b", "ä", "B", "a", "a-1"} {
		must(t, b.CreateClient(t.Context(), fullClient(id)))
	}
	all, err := b.Clients(t.Context())
	must(t, err)
	var want []clients.Client
	for _, id := range []string{"B", "a", "a-1", "b", "ä"} {
		want = append(want, fullClient(id))
	}
	same(t, "clients by id, byte for byte", all, want)
}

func raceClient(t *testing.T, b Backend) {
	won, lost := race(t, 20, func(err error) bool { return errors.Is(err, clients.ErrExists) }, func(i int) error {
		return b.CreateClient(t.Context(), clients.Client{ID: "a", Name: fmt.Sprint(i)})
	})
	if won != 1 || lost != 19 {
		t.Errorf("%d creations won and %d lost, want 1 and 19", won, lost)
	}
}
