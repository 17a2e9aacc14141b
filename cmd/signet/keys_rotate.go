package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"signet/cmd/signet/config"
	"signet/keys"
)

func newKeysRotate(a *app) *cobra.Command {
	var o keys.RotateOptions
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Make the next key now instead of at its time",
		Long: `Make the next key now instead of at its time, one for each algorithm. It is
published first and signs once every verifier can have it, so that no token is
refused. When the next key has been announced already, that one is shown and
nothing changes.

With --now it signs at once: the announced one, or a new one if there is none,
whose tokens are refused for a while by verifiers that have cached the JWKS.
For a key that somebody else may know, see "signet keys revoke".`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.changeKeys(cmd.Context(), func(room keyRoom) error { return a.rotateKeys(cmd.Context(), room, o) })
		},
	}
	cmd.Flags().StringVar(&o.Algorithm, "alg", "", "only the keys of this `ALG` (default: all of keys.algorithms)")
	cmd.Flags().BoolVar(&o.Now, "now", false, "have the next key sign at once, without announcing it first")
	return cmd
}

// rotation is what `keys rotate --json` prints.
type rotation struct {
	Keys []rotatedKey `json:"keys"`
}

// rotatedKey is the next key of one algorithm.
type rotatedKey struct {
	shownKey
	// Made is false when the key had been announced before.
	Made bool `json:"made"`
	// RefusedUntil is until when some verifiers may refuse what it signs; zero
	// when none will.
	RefusedUntil time.Time `json:"refused_until,omitzero"`
}

func (a *app) rotateKeys(ctx context.Context, room keyRoom, o keys.RotateOptions) error {
	if o.Algorithm != "" && !slices.Contains(room.conf.Algorithms, o.Algorithm) {
		return fmt.Errorf("keys.algorithms does not have %q; it has %s", o.Algorithm, strings.Join(room.conf.Algorithms, ", "))
	}
	next, err := room.ring.Rotate(ctx, o)
	if err != nil {
		return err
	}
	var done rotation
	for i, key := range next {
		r := rotatedKey{
			shownKey: a.showKey(key),
			Made:     !slices.ContainsFunc(room.before, func(old keys.Record) bool { return old.KID == key.KID }),
		}
		if key.State == keys.StateActive && room.knownBy(key).After(a.now()) {
			r.RefusedUntil = room.knownBy(key)
		}
		done.Keys = append(done.Keys, r)
		if a.json {
			continue
		}
		if i > 0 {
			a.say("")
		}
		if err := a.printRotated(room, r); err != nil {
			return err
		}
	}
	if a.json {
		return a.printJSON(done)
	}
	a.say("Nothing has to be restarted.")
	return nil
}

func (a *app) printRotated(room keyRoom, r rotatedKey) error {
	err := a.pairs(
		pair{"kid", r.KID},
		pair{"alg", r.Algorithm},
		pair{"state", string(r.State)},
		pair{"signs from", moment(r.ActiveAt)},
		pair{"signs until", moment(r.RetiredAt)},
	)
	a.say("")
	if r.State != keys.StateActive {
		if r.Made {
			a.say("It is published now and begins to sign in %s, when every verifier can have it.", a.until(r.ActiveAt))
		} else {
			a.say("It was announced %s, so nothing has changed: it begins to sign in %s.", moment(r.AnnouncedAt), a.until(r.ActiveAt))
		}
		if now := room.active(r.Algorithm); now != "" {
			a.say("Until then %s signs.", now)
		}
		return err
	}
	a.sayTakenOver(room, r.AnnouncedAt, r.RefusedUntil)
	if r.Generation > 1 {
		a.say("The key before it stays published: the tokens that it signed stay good.")
	}
	return err
}

// sayTakenOver tells of a key that signs at once what becomes of its tokens.
func (a *app) sayTakenOver(room keyRoom, announced, refusedUntil time.Time) {
	a.say("It signs from now on; other nodes follow within %s.", config.FormatDuration(room.conf.ReloadEvery))
	if refusedUntil.IsZero() {
		a.say("It was announced %s, so every verifier has it.", moment(announced))
		return
	}
	a.say("WARNING: verifiers that have cached the JWKS may refuse its tokens until %s (for %s),", moment(refusedUntil), a.until(refusedUntil))
	a.say("unless they fetch it anew when they meet an unknown kid.")
}
