package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/login"
	"signet/clients"
)

// copies: whoever changes what was handed in or out changes nothing inside.
func copies(t *testing.T, b Backend) {
	ctx := t.Context()
	g, c, p := fullGrant("g"), fullClient("c"), fullPerson("p", "ann", "ann@example.com")
	s, k, scopes := fullSession("s"), fullKey("k", "RS256", 1), []string{"openid"}
	must(t, b.CreateGrant(ctx, g))
	must(t, b.CreateClient(ctx, c))
	must(t, b.CreatePerson(ctx, p))
	must(t, b.CreateSession(ctx, s))
	must(t, b.ChangeKeys(ctx, storing(k)))
	must(t, b.SaveConsent(ctx, "ann", "app", scopes, at(1)))

	// The first round spoils what was given, the second what was got.
	for _, round := range []string{"given", "got"} {
		g.Scopes[0], g.Audiences[0], g.AMR[0], g.Live[0].List = "x", "x", "x", "x"
		c.Secrets[0].Hash, c.RedirectURIs[0], c.PostLogoutRedirectURIs[0] = "x", "x", "x"
		c.GrantTypes[0], c.Scopes[0], c.Audiences[0], *c.RequirePKCE = "x", "x", "x", true
		*c.AccessTokenStatusList = true
		*c.RefreshTokenGrace, *c.RefreshTokenRotation = time.Hour, true
		p.Groups[0], p.Profile.Address.Country = "x", "x"
		s.AMR[0], k.PublicJWK[0], k.Sealed[0], scopes[0] = "x", 'x', 'x', "x"

		var err error
		g, err = b.Grant(ctx, "g")
		must(t, err)
		same(t, "grant after spoiling what was "+round, g, fullGrant("g"))
		c, err = b.Client(ctx, "c")
		must(t, err)
		same(t, "client after spoiling what was "+round, c, fullClient("c"))
		p, err = b.PersonByLogin(ctx, key(t, "ann"))
		must(t, err)
		same(t, "person after spoiling what was "+round, p, fullPerson("p", "ann", "ann@example.com"))
		s, err = b.SessionByToken(ctx, s.TokenHash)
		must(t, err)
		same(t, "session after spoiling what was "+round, s, fullSession("s"))
		all, err := b.Keys(ctx)
		must(t, err)
		k = all[0]
		same(t, "key after spoiling what was "+round, k, fullKey("k", "RS256", 1))
		scopes, err = b.ConsentedScopes(ctx, "ann", "app")
		must(t, err)
		same(t, "consent after spoiling what was "+round, scopes, []string{"openid"})
	}
}

// cancelled: a request that is gone gets its context's error, never "not
// found" or "already spent", and changes nothing.
func cancelled(t *testing.T, b Backend) {
	must(t, b.CreateGrant(t.Context(), freshGrant("g")))
	must(t, b.ReplaceSetupLink(t.Context(), login.SetupLink{TokenHash: "link", ExpiresAt: at(1)}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func() error{
		"CreateGrant":        func() error { return b.CreateGrant(ctx, freshGrant("h")) },
		"Grant":              func() error { _, err := b.Grant(ctx, "g"); return err },
		"RedeemCode":         func() error { return b.RedeemCode(ctx, "g", spent(1, at(1), at(2))) },
		"Rotate":             func() error { return b.Rotate(ctx, "g", 0, spent(1, at(1), at(2))) },
		"ExtendGrant":        func() error { return b.ExtendGrant(ctx, authz.Grant{ID: "g"}, spent(0, at(1), at(2))) },
		"Grants":             func() error { _, err := b.Grants(ctx, authz.GrantFilter{}, "", 1); return err },
		"RevokeGrants":       func() error { _, err := b.RevokeGrants(ctx, []string{"g"}, at(1), "x"); return err },
		"RevokeGrant":        func() error { return b.RevokeGrant(ctx, "g", at(1), "x") },
		"RevokeToken":        func() error { return b.RevokeToken(ctx, "jti", authz.StatusIndex{List: "l"}, at(1)) },
		"TokenRevoked":       func() error { _, err := b.TokenRevoked(ctx, "jti"); return err },
		"ReserveStatusBlock": func() error { _, err := b.ReserveStatusBlock(ctx, at(1), freshList("l", 1)); return err },
		"StatusList":         func() error { _, err := b.StatusList(ctx, "l"); return err },
		"StatusLists":        func() error { _, err := b.StatusLists(ctx, at(1)); return err },
		"RevokedIndexes":     func() error { _, err := b.RevokedIndexes(ctx, "l"); return err },
		"UseAssertion":       func() error { return b.UseAssertion(ctx, "a", at(1)) },
		"CreateReachingGrant": func() error {
			return b.CreateReachingGrant(ctx, freshGrant("h"), reached("s", "c"))
		},
		"ReachedClients":     func() error { _, err := b.ReachedClients(ctx, "s"); return err },
		"MoveReached":        func() error { return b.MoveReached(ctx, "s", "t", at(1)) },
		"PendingLogouts":     func() error { _, err := b.PendingLogouts(ctx); return err },
		"ClaimLogouts":       func() error { _, err := b.ClaimLogouts(ctx, "c", at(1), at(2), 1); return err },
		"SettleLogouts":      func() error { return b.SettleLogouts(ctx, at(2), []authz.LogoutDelivery{{SID: "s"}}) },
		"LogoutDeliveries":   func() error { _, err := b.LogoutDeliveries(ctx, true, 1); return err },
		"ConsentedScopes":    func() error { _, err := b.ConsentedScopes(ctx, "a", "b"); return err },
		"SaveConsent":        func() error { return b.SaveConsent(ctx, "a", "b", nil, at(1)) },
		"Client":             func() error { _, err := b.Client(ctx, "c"); return err },
		"Clients":            func() error { _, err := b.Clients(ctx); return err },
		"ClientsPage":        func() error { _, err := b.ClientsPage(ctx, "", 1); return err },
		"DeleteClient":       func() error { return b.DeleteClient(ctx, "c") },
		"PeoplePage":         func() error { _, err := b.PeoplePage(ctx, "", 1); return err },
		"SessionsPage":       func() error { _, err := b.SessionsPage(ctx, login.SessionFilter{}, "", 1); return err },
		"SessionByID":        func() error { _, err := b.SessionByID(ctx, "s"); return err },
		"EndSessions":        func() error { _, err := b.EndSessions(ctx, login.SessionFilter{Subject: "s"}, at(1)); return err },
		"TouchSession":       func() error { return b.TouchSession(ctx, fullSession("s"), at(1), at(2)) },
		"LatestSessions":     func() error { _, err := b.LatestSessions(ctx, login.SessionFilter{Subject: "s"}, 1); return err },
		"ConsentsOf":         func() error { _, err := b.ConsentsOf(ctx, "a"); return err },
		"ForgetConsent":      func() error { return b.ForgetConsent(ctx, "a", "b") },
		"CreateClient":       func() error { return b.CreateClient(ctx, fullClient("c")) },
		"UpdateClient":       func() error { return replaceClient(ctx, b, fullClient("c")) },
		"CreateInvitation":   func() error { return b.CreateInvitation(ctx, invitation("i", 1, 1, 2)) },
		"Invitations":        func() error { _, err := b.Invitations(ctx); return err },
		"InvitationByToken":  func() error { _, err := b.InvitationByToken(ctx, "i"); return err },
		"RevokeInvitation":   func() error { return b.RevokeInvitation(ctx, "i") },
		"RegisterClient":     func() error { return b.RegisterClient(ctx, fullClient("c"), "i", at(1)) },
		"CountUnusedClients": func() error { _, err := b.CountUnusedClients(ctx, 1); return err },
		"SweepUnusedClients": func() error { _, err := b.SweepUnusedClients(ctx, at(1), 1); return err },
		"EvictUnusedClients": func() error { _, err := b.EvictUnusedClients(ctx, at(1), 1); return err },
		"ClientsOf":          func() error { _, err := b.ClientsOf(ctx, clients.SourceCLI); return err },
		"ClientUses":         func() error { _, err := b.ClientUses(ctx, ""); return err },
		"SaveClientUses":     func() error { return b.SaveClientUses(ctx, []clients.Use{{ClientID: "c", At: at(1)}}) },
		"OriginAllowed":      func() error { _, err := b.OriginAllowed(ctx, "https://app.example"); return err },
		"CreatePerson":       func() error { return b.CreatePerson(ctx, fullPerson("1", "ann", "")) },
		"UpdatePerson":       func() error { return replacePerson(ctx, b, fullPerson("1", "ann", "")) },
		"Person":             func() error { _, err := b.Person(ctx, "1"); return err },
		"PersonByLogin":      func() error { _, err := b.PersonByLogin(ctx, "ann"); return err },
		"People":             func() error { _, err := b.People(ctx); return err },
		"CreateSession":      func() error { return b.CreateSession(ctx, fullSession("s")) },
		"SessionByToken":     func() error { _, err := b.SessionByToken(ctx, "s"); return err },
		"EndSession":         func() error { return b.EndSession(ctx, "s", at(1)) },
		"ReplaceSetupLink":   func() error { return b.ReplaceSetupLink(ctx, login.SetupLink{TokenHash: "new"}) },
		"SetupLink":          func() error { _, err := b.SetupLink(ctx, "link"); return err },
		"UseSetupLink":       func() error { return b.UseSetupLink(ctx, "link", fullPerson("1", "ann", "")) },
		"CountPeople":        func() error { _, err := b.CountPeople(ctx); return err },
		"Keys":               func() error { _, err := b.Keys(ctx); return err },
		"ChangeKeys":         func() error { return b.ChangeKeys(ctx, storing(fullKey("k", "RS256", 1))) },
		"Fingerprint":        func() error { _, err := b.Fingerprint(ctx, "n", []byte("v")); return err },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", name, err)
		}
	}
	got, err := b.Grant(t.Context(), "g")
	must(t, err)
	same(t, "grant", got, freshGrant("g"))
	link, err := b.SetupLink(t.Context(), "link")
	must(t, err)
	same(t, "link", link, login.SetupLink{TokenHash: "link", ExpiresAt: utc(1)})

	late, stop := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer stop()
	if _, err := b.Grant(late, "g"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Grant after the deadline: got %v, want context.DeadlineExceeded", err)
	}
}

// unstorable: names come from strangers. One that a database cannot hold is
// not found, as any other that is not there, rather than a failure.
func unstorable(t *testing.T, b Backend) {
	ctx := t.Context()
	for _, name := range []string{"a\x00b", "\xff", "\xed\xa0\x80", "a\\x00'b"} {
		for what, outcome := range map[string]struct{ got, want error }{
			"Grant":          {second(b.Grant(ctx, name)), authz.ErrNotFound},
			"Client":         {second(b.Client(ctx, name)), clients.ErrNotFound},
			"OriginAllowed":  {second(b.OriginAllowed(ctx, "https://"+name)), nil},
			"Person":         {second(b.Person(ctx, name)), login.ErrNotFound},
			"PersonByLogin":  {second(b.PersonByLogin(ctx, name)), login.ErrNotFound},
			"SessionByToken": {second(b.SessionByToken(ctx, name)), login.ErrNotFound},
			"SetupLink":      {second(b.SetupLink(ctx, name)), login.ErrNotFound},
			"TokenRevoked":   {second(b.TokenRevoked(ctx, name)), nil},
			"ClientUses":     {second(b.ClientUses(ctx, name)), nil},
			"Consents":       {second(b.ConsentedScopes(ctx, name, name)), nil},
		} {
			if !errors.Is(outcome.got, outcome.want) {
				t.Errorf("%s of %q: got %v, want %v", what, name, outcome.got, outcome.want)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }
