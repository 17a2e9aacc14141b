package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"signet/authz/store"
	"signet/cmd/signet/config"
	"signet/cmd/signet/server"
	"signet/keys"
)

func newKeys(a *app) *cobra.Command {
	return group("keys", "The keys that sign tokens", newKeysList(a), newKeysRotate(a))
}

// withKeys runs do with the open ring of keys.
func (a *app) withKeys(ctx context.Context, do func(*config.Config, *store.Store, *keys.Ring) error) error {
	return a.withStore(ctx, func(cfg *config.Config, st *store.Store) error {
		ring, err := server.OpenKeys(ctx, cfg, st, a.quietLog())
		if err != nil {
			return err
		}
		return do(cfg, st, ring)
	})
}

// shownKey is a signing key for scripts: kid and alg as RFC 7517 has them.
type shownKey struct {
	KID         string     `json:"kid"`
	Algorithm   string     `json:"alg"`
	Generation  int        `json:"generation"`
	State       keys.State `json:"state"`
	AnnouncedAt time.Time  `json:"announced_at"`
	ActiveAt    time.Time  `json:"active_at"`
	RetiredAt   time.Time  `json:"retired_at"`
	RemovedAt   time.Time  `json:"removed_at"`
}

func newKeysList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List all signing keys, and when each one signs",
		Args:  takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withKeys(cmd.Context(), func(_ *config.Config, _ *store.Store, ring *keys.Ring) error {
				return a.printKeys(ring.Keys())
			})
		},
	}
}

func (a *app) printKeys(all []keys.Key) error {
	if a.json {
		shown := make([]shownKey, len(all))
		for i, k := range all {
			shown[i] = shownKey(k)
		}
		return a.printJSON(shown)
	}
	var rows [][]string
	for _, k := range all {
		rows = append(rows, []string{k.KID, k.Algorithm, strconv.Itoa(k.Generation), string(k.State), moment(k.ActiveAt), moment(k.RetiredAt), moment(k.RemovedAt)})
	}
	return a.table("No keys yet.", []string{"KID", "ALG", "NO", "STATE", "SIGNS FROM", "SIGNS UNTIL", "PUBLISHED UNTIL"}, rows)
}

func newKeysRotate(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rotate",
		Short: "Make the next key now instead of at its time",
		Long: `Make the next key now instead of at its time. It is published first and signs
once every verifier can have it, so that no token is refused. When the next key
has been announced already, that one is shown and nothing changes.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withKeys(cmd.Context(), func(_ *config.Config, _ *store.Store, ring *keys.Ring) error {
				k, err := ring.Rotate(cmd.Context())
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(shownKey(k))
				}
				err = a.pairs(
					pair{"kid", k.KID},
					pair{"alg", k.Algorithm},
					pair{"state", string(k.State)},
					pair{"signs from", moment(k.ActiveAt)},
					pair{"signs until", moment(k.RetiredAt)},
				)
				a.say("")
				a.say("It is published now and begins to sign in %s. Nothing has to be restarted.", span(k.ActiveAt.Sub(a.now()).Round(time.Minute)))
				return err
			})
		},
	}
}
