package storetest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"signet/authz"
)

// fullGrant has every field set, with text that no encoding may harm.
func fullGrant(id string) authz.Grant {
	return authz.Grant{
		ID: id, ClientID: "app-ü", Subject: "subject-1", SessionID: "session-1",
		Scopes:      []string{"openid", "offline_access", "lesen:日本語"},
		Audiences:   []string{"https://api.example/?a=1&b=<2>", "urn:x"},
		RedirectURI: "https://app.example/cb?x=%20'\"\\", Nonce: "nönce \u2028 \x00 🔏",
		CodeChallenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
		AuthTime:      utc(1), ACR: "urn:acr:1", AMR: []string{"pwd", "otp"},
		Claims:        authz.AskedClaims{UserInfo: []string{"name", "email"}, IDToken: []string{"address"}},
		CodeExpiresAt: utc(2), RedeemedAt: utc(3), Generation: 7, RotatedAt: utc(4),
		CreatedAt: utc(5), ExpiresAt: utc(6), RevokedAt: utc(7), RevokedReason: "refresh token used twice — „gestohlen“",
		Live: []authz.StatusIndex{{List: "list-ü", Index: 7, Expires: utc(8)}, {List: "l", Index: authz.StatusListSize - 1, Expires: utc(9)}},
	}
}

// freshGrant is as the authorization endpoint makes it.
func freshGrant(id string) authz.Grant {
	g := fullGrant(id)
	g.RedeemedAt, g.RotatedAt, g.RevokedAt = time.Time{}, time.Time{}, time.Time{}
	g.Generation, g.RevokedReason, g.Live = 0, "", nil
	return g
}

// spent is what becomes of a grant without access tokens in a status list.
func spent(generation int, at, expires time.Time) authz.Spend {
	return authz.Spend{Generation: generation, At: at, Expires: expires}
}

func grantRoundTrip(t *testing.T, b Backend) {
	empty := authz.Grant{ID: "empty", Scopes: []string{}, Audiences: []string{}, AMR: []string{}}
	epoch := authz.Grant{ID: "epoch", CreatedAt: time.Unix(0, 0).UTC(), ExpiresAt: time.Unix(-1, 0).UTC()}
	for _, g := range []authz.Grant{fullGrant("full"), freshGrant("fresh"), {ID: "zero"}, empty, epoch} {
		must(t, b.CreateGrant(t.Context(), g))
		got, err := b.Grant(t.Context(), g.ID)
		must(t, err)
		same(t, "grant "+g.ID, got, g)
	}

	g := freshGrant("zones")
	g.AuthTime, g.CodeExpiresAt, g.CreatedAt, g.ExpiresAt = fine(1), fine(2), fine(5), fine(6)
	g.Live = []authz.StatusIndex{{List: "l", Index: 1, Expires: fine(8)}}
	must(t, b.CreateGrant(t.Context(), g))
	got, err := b.Grant(t.Context(), g.ID)
	must(t, err)
	want := freshGrant("zones")
	want.Live = []authz.StatusIndex{{List: "l", Index: 1, Expires: utc(8)}}
	same(t, "times in UTC with microseconds", got, want)
}

func grantNotFound(t *testing.T, b Backend) {
	if _, err := b.Grant(t.Context(), "nowhere"); !errors.Is(err, authz.ErrNotFound) {
		t.Errorf("Grant: got %v, want ErrNotFound", err)
	}
	if err := b.RedeemCode(t.Context(), "nowhere", spent(1, at(1), at(2))); !errors.Is(err, authz.ErrConflict) {
		t.Errorf("RedeemCode: got %v, want ErrConflict", err)
	}
	if err := b.Rotate(t.Context(), "nowhere", 1, spent(2, at(1), at(2))); !errors.Is(err, authz.ErrConflict) {
		t.Errorf("Rotate: got %v, want ErrConflict", err)
	}
	must(t, b.RevokeGrant(t.Context(), "nowhere", at(1), "gone"))
	if _, err := b.Grant(t.Context(), "nowhere"); !errors.Is(err, authz.ErrNotFound) {
		t.Errorf("Grant after the writes: got %v, want ErrNotFound", err)
	}
}

func grantUnique(t *testing.T, b Backend) {
	must(t, b.CreateGrant(t.Context(), freshGrant("g")))
	other := freshGrant("g")
	other.Subject = "somebody else"
	if err := b.CreateGrant(t.Context(), other); err == nil {
		t.Error("a second grant with the same id was stored")
	}
	got, err := b.Grant(t.Context(), "g")
	must(t, err)
	same(t, "first grant", got, freshGrant("g"))
}

func redeemOnce(t *testing.T, b Backend) {
	must(t, b.CreateGrant(t.Context(), freshGrant("g")))
	must(t, b.RedeemCode(t.Context(), "g", spent(1, fine(10), fine(20))))

	want := freshGrant("g")
	want.RedeemedAt, want.RotatedAt, want.Generation, want.ExpiresAt = utc(10), utc(10), 1, utc(20)
	got, err := b.Grant(t.Context(), "g")
	must(t, err)
	same(t, "redeemed grant", got, want)

	if err := b.RedeemCode(t.Context(), "g", spent(1, at(11), at(21))); !errors.Is(err, authz.ErrConflict) {
		t.Errorf("second redemption: got %v, want ErrConflict", err)
	}
	got, err = b.Grant(t.Context(), "g")
	must(t, err)
	same(t, "grant after a second redemption", got, want)

	must(t, b.CreateGrant(t.Context(), freshGrant("no refresh token")))
	must(t, b.RedeemCode(t.Context(), "no refresh token", spent(0, at(10), at(20))))
	if err := b.RedeemCode(t.Context(), "no refresh token", spent(0, at(10), at(20))); !errors.Is(err, authz.ErrConflict) {
		t.Errorf("second redemption without a refresh token: got %v, want ErrConflict", err)
	}
}

func rotateByGeneration(t *testing.T, b Backend) {
	must(t, b.CreateGrant(t.Context(), freshGrant("g")))
	must(t, b.RedeemCode(t.Context(), "g", spent(1, at(10), at(20))))
	must(t, b.Rotate(t.Context(), "g", 1, spent(2, fine(11), fine(21))))
	must(t, b.Rotate(t.Context(), "g", 2, spent(3, fine(12), fine(22))))

	want := freshGrant("g")
	want.RedeemedAt, want.RotatedAt, want.Generation, want.ExpiresAt = utc(10), utc(12), 3, utc(22)
	for _, generation := range []int{0, 1, 2, 4} {
		if err := b.Rotate(t.Context(), "g", generation, spent(generation+1, at(13), at(23))); !errors.Is(err, authz.ErrConflict) {
			t.Errorf("rotating generation %d of 3: got %v, want ErrConflict", generation, err)
		}
	}
	got, err := b.Grant(t.Context(), "g")
	must(t, err)
	same(t, "rotated grant", got, want)
}

func revokedGrant(t *testing.T, b Backend) {
	must(t, b.CreateGrant(t.Context(), freshGrant("code")))
	must(t, b.RevokeGrant(t.Context(), "code", at(30), "signed out"))
	if err := b.RedeemCode(t.Context(), "code", spent(1, at(31), at(41))); !errors.Is(err, authz.ErrConflict) {
		t.Errorf("redeeming after revocation: got %v, want ErrConflict", err)
	}

	must(t, b.CreateGrant(t.Context(), freshGrant("refresh")))
	must(t, b.RedeemCode(t.Context(), "refresh", spent(1, at(10), at(20))))
	must(t, b.RevokeGrant(t.Context(), "refresh", at(30), "signed out"))
	if err := b.Rotate(t.Context(), "refresh", 1, spent(2, at(31), at(41))); !errors.Is(err, authz.ErrConflict) {
		t.Errorf("rotating after revocation: got %v, want ErrConflict", err)
	}
	got, err := b.Grant(t.Context(), "refresh")
	must(t, err)
	if !got.Revoked() || got.Generation != 1 || !got.ExpiresAt.Equal(at(20)) {
		t.Errorf("revoked grant changed: %+v", got)
	}
}

func revokeTwice(t *testing.T, b Backend) {
	must(t, b.CreateGrant(t.Context(), freshGrant("g")))
	must(t, b.RevokeGrant(t.Context(), "g", fine(30), "first"))
	must(t, b.RevokeGrant(t.Context(), "g", fine(31), "second"))
	want := freshGrant("g")
	want.RevokedAt, want.RevokedReason = utc(30), "first"
	got, err := b.Grant(t.Context(), "g")
	must(t, err)
	same(t, "grant revoked twice", got, want)
}

func changeOneGrant(t *testing.T, b Backend) {
	must(t, b.CreateGrant(t.Context(), freshGrant("mine")))
	must(t, b.CreateGrant(t.Context(), freshGrant("other")))
	must(t, b.RedeemCode(t.Context(), "mine", spent(1, at(10), at(20))))
	must(t, b.Rotate(t.Context(), "mine", 1, spent(2, at(11), at(21))))
	must(t, b.RevokeGrant(t.Context(), "mine", at(12), "reused"))
	got, err := b.Grant(t.Context(), "other")
	must(t, err)
	same(t, "another grant of the same person and client", got, freshGrant("other"))
}

func isConflict(err error) bool { return errors.Is(err, authz.ErrConflict) }

func raceRedeem(t *testing.T, b Backend) {
	must(t, b.CreateGrant(t.Context(), freshGrant("g")))
	won, lost := race(t, 50, isConflict, func(int) error {
		return b.RedeemCode(t.Context(), "g", spent(1, at(10), at(20)))
	})
	if won != 1 || lost != 49 {
		t.Errorf("%d redemptions won and %d lost, want 1 and 49", won, lost)
	}
}

func raceRotate(t *testing.T, b Backend) {
	must(t, b.CreateGrant(t.Context(), freshGrant("g")))
	must(t, b.RedeemCode(t.Context(), "g", spent(1, at(10), at(20))))
	won, lost := race(t, 50, isConflict, func(int) error {
		return b.Rotate(t.Context(), "g", 1, spent(2, at(11), at(21)))
	})
	if won != 1 || lost != 49 {
		t.Errorf("%d rotations won and %d lost, want 1 and 49", won, lost)
	}
	got, err := b.Grant(t.Context(), "g")
	must(t, err)
	if got.Generation != 2 {
		t.Errorf("generation is %d after one rotation, want 2", got.Generation)
	}
}

// raceRevoke: whoever revokes must find the grant dead afterwards, however
// many refreshes were on their way.
func raceRevoke(t *testing.T, b Backend) {
	must(t, b.CreateGrant(t.Context(), freshGrant("g")))
	must(t, b.RedeemCode(t.Context(), "g", spent(1, at(10), at(20))))
	var mu sync.Mutex
	var rotated []int
	race(t, 20, isConflict, func(i int) error {
		if i == 10 {
			return b.RevokeGrant(t.Context(), "g", at(12), "stolen")
		}
		err := b.Rotate(t.Context(), "g", 1, spent(2, at(11), at(21)))
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			rotated = append(rotated, i)
		}
		return err
	})
	got, err := b.Grant(t.Context(), "g")
	must(t, err)
	if !got.Revoked() || len(rotated) > 1 || got.Generation != 1+len(rotated) {
		t.Errorf("after the race: %d rotations, grant %+v", len(rotated), got)
	}
}

func tokenRevocation(t *testing.T, b Backend) {
	for _, jti := range []string{"first", "jti ü 🔏"} {
		revoked, err := b.TokenRevoked(t.Context(), jti)
		must(t, err)
		if revoked {
			t.Errorf("%q is revoked before it was", jti)
		}
		must(t, b.RevokeToken(t.Context(), jti, authz.StatusIndex{}, at(1)))
		must(t, b.RevokeToken(t.Context(), jti, authz.StatusIndex{}, at(1)))
		revoked, err = b.TokenRevoked(t.Context(), jti)
		must(t, err)
		if !revoked {
			t.Errorf("%q is not revoked", jti)
		}
	}
	if revoked, err := b.TokenRevoked(t.Context(), "FIRST"); err != nil || revoked {
		t.Errorf("a jti of another case: revoked %v, error %v", revoked, err)
	}
	won, _ := race(t, 20, func(error) bool { return false }, func(int) error {
		return b.RevokeToken(t.Context(), "raced", authz.StatusIndex{}, at(1))
	})
	if won != 20 {
		t.Errorf("%d of 20 revocations at once succeeded", won)
	}
}

func consents(t *testing.T, b Backend) {
	scopes := func(subject, client string, want ...string) {
		t.Helper()
		got, err := b.ConsentedScopes(t.Context(), subject, client)
		must(t, err)
		if !slices.Equal(got, want) {
			t.Errorf("%s for %s: got %q, want %q", subject, client, got, want)
		}
	}
	scopes("ann", "app")
	must(t, b.SaveConsent(t.Context(), "ann", "app", []string{"openid", "日本"}, at(1)))
	must(t, b.SaveConsent(t.Context(), "ann", "other", []string{"email"}, at(1)))
	must(t, b.SaveConsent(t.Context(), "bob", "app", nil, at(1)))
	scopes("ann", "app", "openid", "日本")
	scopes("ann", "other", "email")
	scopes("bob", "app")
	must(t, b.SaveConsent(t.Context(), "ann", "app", []string{"profile"}, at(2)))
	scopes("ann", "app", "profile")
	must(t, b.SaveConsent(t.Context(), "ann", "app", []string{}, at(3)))
	scopes("ann", "app")
	scopes("ann", "other", "email")
}

func raceConsent(t *testing.T, b Backend) {
	won, _ := race(t, 20, func(error) bool { return false }, func(int) error {
		return b.SaveConsent(t.Context(), "ann", "app", []string{"openid"}, at(1))
	})
	if won != 20 {
		t.Errorf("%d of 20 consents at once were saved", won)
	}
}
