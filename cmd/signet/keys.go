package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"signet/authz/store"
	"signet/cmd/signet/config"
	"signet/cmd/signet/server"
	"signet/keys"
)

func newKeys(a *app) *cobra.Command {
	return group("keys", "The keys that sign tokens",
		newKeysList(a),
		newKeysRotate(a),
		newKeysRevoke(a),
		newKeysExport(a),
		newKeysImport(a),
		newKeysRekey(a),
	)
}

// errNoKeys is for commands that need a key where there is none.
var errNoKeys = errors.New(`there are no signing keys yet; "signet serve" makes the first one, or "signet keys import" brings it`)

// keyRoom is what commands work with that have the keys open.
type keyRoom struct {
	cfg  *config.Config
	st   *store.Store
	conf keys.Config
	ring *keys.Ring
	// before is what the database held before the ring was opened, which may
	// have made keys.
	before []keys.Record
}

// unchanging is a store that stays as it is: a ring that opens on it makes no
// key that is missing or due.
type unchanging struct{ keys.Store }

func (unchanging) ChangeKeys(context.Context, func([]keys.Record) ([]keys.Record, error)) error {
	return nil
}

// lookAtKeys runs do with the keys as they are: whoever looks changes nothing.
func (a *app) lookAtKeys(ctx context.Context, do func(keyRoom) error) error {
	return a.openKeys(ctx, false, do)
}

// changeKeys runs do with a ring that may make keys.
func (a *app) changeKeys(ctx context.Context, do func(keyRoom) error) error {
	return a.openKeys(ctx, true, do)
}

func (a *app) openKeys(ctx context.Context, mayChange bool, do func(keyRoom) error) error {
	return a.withStore(ctx, func(cfg *config.Config, st *store.Store) error {
		// Before the sealing key, which would be made for an empty database.
		records, err := st.Keys(ctx)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			return errNoKeys
		}
		conf, err := a.keysConfig(ctx, cfg, st)
		if err != nil {
			return err
		}
		if !mayChange {
			conf.Store = unchanging{st}
		}
		ring, err := keys.Open(ctx, conf)
		if err != nil {
			return err
		}
		return do(keyRoom{cfg, st, conf, ring, records})
	})
}

// keysConfig is the server's, with the clock and the log of this command.
func (a *app) keysConfig(ctx context.Context, cfg *config.Config, st *store.Store) (keys.Config, error) {
	conf, err := server.KeysConfig(ctx, cfg, st, a.quietLog())
	conf.Now = a.now
	return conf, err
}

// withKeys runs do with the keys as they are.
func (a *app) withKeys(ctx context.Context, do func(*config.Config, *store.Store, *keys.Ring) error) error {
	return a.lookAtKeys(ctx, func(room keyRoom) error { return do(room.cfg, room.st, room.ring) })
}

// find is the key with this kid, or an error that names the one that was
// probably meant.
func (room keyRoom) find(kid string) (keys.Key, error) {
	var all []string
	for _, key := range room.ring.Keys() {
		if key.KID == kid {
			return key, nil
		}
		all = append(all, key.KID)
	}
	const where = `"signet keys list --all" shows all`
	var near []string
	for _, known := range all {
		if kid != "" && strings.HasPrefix(known, kid) {
			near = append(near, known)
		}
	}
	if name := config.Nearest(kid, all); len(near) == 0 && name != "" {
		near = append(near, name)
	}
	if len(near) == 0 {
		return keys.Key{}, fmt.Errorf("there is no key %q; "+where, kid)
	}
	return keys.Key{}, fmt.Errorf("there is no key %q; did you mean %s? "+where, kid, strings.Join(near, " or "))
}

// active is the kid that signs now for an algorithm, or "".
func (room keyRoom) active(alg string) string {
	for _, key := range room.ring.Keys() {
		if key.Algorithm == alg && key.State == keys.StateActive {
			return key.KID
		}
	}
	return ""
}

// knownBy is when every verifier that honours Cache-Control has a key.
func (room keyRoom) knownBy(key keys.Key) time.Time {
	return key.AnnouncedAt.Add(room.conf.MinAnnounce())
}

// shownKey is a signing key for scripts: kid and alg as RFC 7517 has them.
type shownKey struct {
	KID           string     `json:"kid"`
	Algorithm     string     `json:"alg"`
	Generation    int        `json:"generation"`
	State         keys.State `json:"state"`
	VerifyOnly    bool       `json:"verify_only"`
	AnnouncedAt   time.Time  `json:"announced_at"`
	ActiveAt      time.Time  `json:"active_at,omitzero"`
	RetiredAt     time.Time  `json:"retired_at,omitzero"`
	RemovedAt     time.Time  `json:"removed_at"`
	RevokedAt     time.Time  `json:"revoked_at,omitzero"`
	RevokedReason string     `json:"revoked_reason,omitempty"`
	Next          *change    `json:"next,omitempty"`
}

// change is the state that a key is in from a time on.
type change struct {
	State keys.State `json:"state"`
	At    time.Time  `json:"at"`
}

func (a *app) showKey(k keys.Key) shownKey {
	s := shownKey{
		KID: k.KID, Algorithm: k.Algorithm, Generation: k.Generation, State: k.State, VerifyOnly: k.VerifyOnly,
		AnnouncedAt: k.AnnouncedAt, ActiveAt: k.ActiveAt, RetiredAt: k.RetiredAt, RemovedAt: k.RemovedAt,
		RevokedAt: k.RevokedAt, RevokedReason: k.RevokedReason, Next: nextChange(k, a.now()),
	}
	if k.VerifyOnly {
		s.ActiveAt, s.RetiredAt = time.Time{}, time.Time{} // it has no turn
	}
	return s
}

// nextChange is what lies ahead of a key; nil if nothing does, or nothing with
// a time: the newest key signs past its end until it has a successor.
func nextChange(k keys.Key, now time.Time) *change {
	switch {
	case k.State == keys.StateAnnounced:
		return &change{keys.StateActive, k.ActiveAt}
	case k.State == keys.StateActive && k.RetiredAt.After(now):
		return &change{keys.StateRetired, k.RetiredAt}
	case k.State == keys.StateRetired || k.State == keys.StateVerifyOnly:
		return &change{keys.StateRemoved, k.RemovedAt}
	}
	return nil
}

// until is how long it is until t, in words.
func (a *app) until(t time.Time) string { return span(t.Sub(a.now()).Round(time.Second)) }
