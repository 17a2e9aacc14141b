package keys

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// mustRevoke revokes a key.
func (b *bench) mustRevoke(r *Ring, kid string) Revocation {
	b.t.Helper()
	v, err := r.Revoke(b.t.Context(), kid, "the backup was stolen")
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

func TestRevokeTheSigner(t *testing.T) {
	b := newBench(t)
	r, other := b.mustOpen(), b.mustOpen()
	first := signerKID(t, r)
	token, err := r.Sign(algRS256, "at+jwt", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	b.clock.advance(time.Hour)
	v := b.mustRevoke(r, first)
	now := b.clock.Now()
	if v.Revoked.State != StateRevoked || v.Reason != "the backup was stolen" || !v.Revoked.RevokedAt.Equal(now) {
		t.Errorf("%+v", v)
	}
	if v.Successor == nil || v.Successor.State != StateActive || v.SuccessorAnnounced {
		t.Fatalf("successor %+v, announced %t", v.Successor, v.SuccessorAnnounced)
	}
	if want := now.Add(-time.Hour); !v.TokensSince.Equal(want) {
		t.Errorf("tokens die since %s, want %s: the key is an hour old", v.TokensSince, want)
	}
	if want := now.Add(time.Minute + time.Hour); !v.GoneBy.Equal(want) {
		t.Errorf("gone by %s, want %s", v.GoneBy, want)
	}
	gone := func(r *Ring) {
		t.Helper()
		if kids := jwksKIDs(t, r); !slices.Equal(kids, []string{v.Successor.KID}) || signerKID(t, r) != v.Successor.KID {
			t.Errorf("the JWKS holds %v", kids)
		}
		if _, err := r.Verify(token); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("its token: %v", err)
		}
	}
	gone(r)
	gone(b.mustOpen())
	if signerKID(t, other) != first {
		t.Fatal("the other node knows without reading")
	}
	if err := other.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	gone(other)
	if got := strings.Count(b.log.String(), "event=key_revoked kid="+first); got != 2 {
		t.Errorf("%d audit events, want one from each ring that was there:\n%s", got, b.log)
	}
}

// TestRevokePromotesTheAnnouncedKey: verifiers have that one.
func TestRevokePromotesTheAnnouncedKey(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	first := signerKID(t, r)
	made := b.mustRotate(r)
	b.clock.advance(90 * time.Minute)
	v := b.mustRevoke(r, first)
	if v.Successor == nil || v.Successor.KID != made.KID || !v.SuccessorAnnounced || signerKID(t, r) != made.KID || b.store.count() != 2 {
		t.Errorf("%+v, %d keys", v, b.store.count())
	}
	// A clock that is behind the one that revoked finds a signer, too.
	b.clock.advance(-30 * time.Minute)
	if got := signerKID(t, b.mustOpen()); got != made.KID {
		t.Errorf("a node whose clock is behind signs with %s", got)
	}
	b.clock.advance(10 * 24 * time.Hour)
	if err := r.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keys := r.Keys(); len(keys) != 3 || keys[2].State != StateAnnounced {
		t.Errorf("the schedule does not go on: %+v", keys)
	}
}

func TestRevokeKeysThatDoNotSign(t *testing.T) {
	for _, tt := range []struct {
		name  string
		state State
		kid   func(b *bench, r *Ring) string
	}{
		{"announced", StateAnnounced, func(b *bench, r *Ring) string { return b.mustRotate(r).KID }},
		{"retired", StateRetired, func(b *bench, r *Ring) string {
			b.mustRotate(r)
			b.clock.advance(2*time.Hour + time.Minute)
			return r.Keys()[0].KID
		}},
		{"removed", StateRemoved, func(b *bench, r *Ring) string {
			b.mustRotate(r)
			b.clock.advance(28 * time.Hour)
			return r.Keys()[0].KID
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			r := b.mustOpen()
			kid := tt.kid(b, r)
			if err := r.keep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if key, _ := r.find(kid); key.State != tt.state {
				t.Fatalf("it is %s", key.State)
			}
			before := signerKID(t, r)
			v := b.mustRevoke(r, kid)
			if v.Successor != nil || signerKID(t, r) != before || slices.Contains(jwksKIDs(t, r), kid) {
				t.Errorf("%+v", v)
			}
			if (tt.state == StateRetired) == v.TokensSince.IsZero() {
				t.Errorf("tokens die since %s", v.TokensSince)
			}
			for range 3 { // the schedule goes on
				b.clock.advance(23 * time.Hour)
				if err := r.keep(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := signerKID(t, r); got == kid {
					t.Error("the revoked key signs")
				}
			}
		})
	}
}

func TestRevokeTwiceAndUnknown(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	first := signerKID(t, r)
	if _, err := r.Revoke(t.Context(), "nope", "why not"); !errors.Is(err, ErrNoSuchKey) {
		t.Errorf("an unknown key: %v", err)
	}
	if _, err := r.Revoke(t.Context(), first, ""); err == nil || signerKID(t, r) != first {
		t.Errorf("without a reason: %v", err)
	}
	v := b.mustRevoke(r, first)
	b.clock.advance(time.Minute)
	again, err := r.Revoke(t.Context(), first, "another reason")
	if err != nil || again.Reason != v.Reason || !again.Revoked.RevokedAt.Equal(v.Revoked.RevokedAt) || b.store.count() != 2 {
		t.Errorf("%+v, %v", again, err)
	}
}

// TestRotateNow has the next key take over at once.
func TestRotateNow(t *testing.T) {
	b := newBench(t)
	r := b.mustOpen()
	first := signerKID(t, r)
	now := func() Key {
		t.Helper()
		made, err := r.Rotate(t.Context(), RotateOptions{Now: true})
		if err != nil || len(made) != 1 {
			t.Fatalf("%v, %v", made, err)
		}
		return made[0]
	}
	b.clock.advance(time.Second)
	second := now()
	if second.State != StateActive || second.Generation != 2 || signerKID(t, r) != second.KID || !slices.Contains(jwksKIDs(t, r), first) {
		t.Errorf("%+v", second)
	}
	announced := b.mustRotate(r)
	b.clock.advance(time.Second)
	if third := now(); third.KID != announced.KID || third.State != StateActive || signerKID(t, r) != announced.KID {
		t.Errorf("a key was announced, but %+v took over", third)
	}
	now() // in the same millisecond
	b.clock.advance(precision)
	if got := r.Keys(); len(got) != 4 || got[3].State != StateActive {
		t.Errorf("a moment later: %+v", got)
	}
	if _, err := b.open(b.config()); err != nil {
		t.Errorf("the store does not open: %v", err)
	}
	if _, err := r.Rotate(t.Context(), RotateOptions{Algorithm: "ES256"}); err == nil {
		t.Error("rotated keys of an algorithm that is not in use")
	}
}
