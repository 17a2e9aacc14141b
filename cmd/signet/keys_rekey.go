package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"signet/authz/store"
	"signet/cmd/signet/config"
	"signet/cmd/signet/server"
	"signet/keys"
)

func newKeysRekey(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "rekey --new-file FILE",
		Short: "Change the sealing key, which private keys are stored under",
		Long: `Seal all private keys in the database anew, under the sealing key in FILE, which
is made if it is not there. The signing keys stay the same, and no token and no
verifier notices. It happens at once or not at all. The old sealing key is left
alone; the output says what to do with both.`,
		Example: `  signet keys rekey --new-file ./data/secrets/sealing-2.key`,
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usagef("--new-file is missing; name a file that does not exist yet, and the new sealing key is made there")
			}
			path, err := filepath.Abs(file)
			if err != nil {
				return err
			}
			return a.withStore(cmd.Context(), func(cfg *config.Config, st *store.Store) error {
				return a.rekey(cmd.Context(), cfg, st, path)
			})
		},
	}
	cmd.Flags().StringVar(&file, "new-file", "", "the `FILE` of the new sealing key: 32 random bytes, or base64 or hexadecimal of them")
	return cmd
}

// rekeyed is what `keys rekey --json` prints.
type rekeyed struct {
	Keys int    `json:"keys"`
	File string `json:"sealing_key_file"`
	Made bool   `json:"made"`
}

func (a *app) rekey(ctx context.Context, cfg *config.Config, st *store.Store, file string) error {
	// First of all: the sealing key would be made for an empty database, and
	// what another process does with the new file has to be seen below.
	before, err := st.Keys(ctx)
	if err != nil {
		return err
	}
	if len(before) == 0 {
		return errors.New("there are no signing keys yet, and so nothing is sealed: set keys.sealing_key_file before the first \"signet serve\"")
	}
	old, err := server.SealingKey(ctx, cfg, st)
	if err != nil {
		return err
	}
	fresh, made, err := server.NewSealingKey(file)
	if err != nil {
		return err
	}
	if bytes.Equal(old, fresh) {
		return fmt.Errorf("%s holds the sealing key that is in use; name a file that does not exist yet, and a new one is made there", file)
	}
	n, err := keys.Rekey(ctx, st, old, fresh)
	switch {
	case err == nil:
		return a.printRekeyed(cfg, rekeyed{n, file, made})
	case made && sealedAs(context.WithoutCancel(ctx), st, before):
		return errors.Join(fmt.Errorf("nothing was changed: %w", err), os.Remove(file))
	case made:
		// The answer to a commit can be lost after it was done.
		return fmt.Errorf("%w; %s is kept, for it may be the sealing key of this database now: \"signet keys list\" with it tells", err, file)
	}
	return err
}

// sealedAs says whether all records are certain to be sealed as they were.
func sealedAs(ctx context.Context, st keys.Store, before []keys.Record) bool {
	now, err := st.Keys(ctx)
	sealed := make(map[string][]byte, len(now))
	for _, rec := range now {
		sealed[rec.KID] = rec.Sealed
	}
	for _, rec := range before {
		if !bytes.Equal(sealed[rec.KID], rec.Sealed) {
			return false
		}
	}
	return err == nil
}

func (a *app) printRekeyed(cfg *config.Config, r rekeyed) error {
	if a.json {
		return a.printJSON(r)
	}
	verb, text := "is", "the new one, as base64 or hexadecimal"
	if r.Made {
		verb, text = "was made", "its base64 (base64 < "+r.File+")"
	}
	setting, old := "Set keys.sealing_key_file to "+r.File+", which the server's user must be able to read", server.SealingKeyFile(cfg)
	switch {
	case cfg.Keys.SealingKey != "":
		setting, old = "Set SIGNET_KEYS_SEALING_KEY to "+text, "the former value of SIGNET_KEYS_SEALING_KEY"
	case cfg.Keys.SealingKeyFile != "":
		old = cfg.Keys.SealingKeyFile
	}
	a.say("Sealed %d keys anew, under the sealing key that %s in %s.", r.Keys, verb, r.File)
	a.say("")
	a.say("1. %s, on every node.", setting)
	a.say("2. Restart every node. Until then it signs with the keys it has, but can make no new one.")
	a.say("3. Back the new sealing key up, apart from the database.")
	a.say("4. Destroy the old one, %s, when no node and no backup of the database that you want to keep needs it.", old)
	return nil
}
