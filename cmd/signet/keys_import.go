package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"signet/authz/store"
	"signet/cmd/signet/config"
	"signet/keys"
)

func newKeysImport(a *app) *cobra.Command {
	var o keys.ImportOptions
	var kid, alg string
	var keepFor durationFlag
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Bring a key of another issuer, under its own kid",
		Long: `Bring a key of another issuer from FILE (- is standard input), under its own kid:
PEM (PKCS #8, PKCS #1, SEC 1, a public key or a certificate), a JWK or a JWKS.

It becomes the next signing key, which is announced first; where there is no key
yet, it is the first one. With --verify-only it never signs: it is published, so
that tokens of the other issuer go on being verified. A public key will do then.`,
		Example: `  signet keys import old.pem --kid 2024-01
  signet keys import old-jwks.json --kid 2024-01 --verify-only --keep-for 30d`,
		Args: takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			given := cmd.Flags().Changed("keep-for")
			switch o.KeepFor = time.Duration(keepFor); {
			case given && !o.VerifyOnly:
				return usagef("--keep-for goes with --verify-only; a signing key stays as long as keys.keep_for says")
			case given && o.KeepFor == 0:
				return usagef("--keep-for must be longer than 0")
			case o.Now && o.VerifyOnly:
				return usagef("--now and --verify-only exclude each other: a key that is verify-only never signs")
			}
			foreign, err := a.readKey(args[0], kid, alg)
			if err != nil {
				return err
			}
			return a.importKey(cmd.Context(), foreign, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&kid, "kid", "", "its id, as in the header of its tokens, where FILE does not say it or holds several (`KID`)")
	flags.StringVar(&alg, "alg", "", "its algorithm, where FILE does not say it (`ALG`; default: RS256, ES256 or EdDSA, by its kind)")
	flags.BoolVar(&o.VerifyOnly, "verify-only", false, "publish it, and never sign with it")
	flags.Var(&keepFor, "keep-for", "how long a key that is verify-only stays published (default: keys.keep_for)")
	flags.Lookup("keep-for").DefValue = ""
	flags.BoolVar(&o.Now, "now", false, "sign with it at once, for verifiers that know it from the issuer it comes from")
	return cmd
}

// readKey reads a key from a file, or from standard input for "-".
func (a *app) readKey(file, kid, alg string) (keys.Foreign, error) {
	in, name := a.stdin, "standard input"
	var mode os.FileMode
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return keys.Foreign{}, fmt.Errorf("cannot read the key: %w", err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return keys.Foreign{}, fmt.Errorf("cannot read the key: %w", err)
		}
		in, name, mode = f, file, info.Mode()
	}
	content, err := io.ReadAll(io.LimitReader(in, maxJWKS))
	if err != nil {
		return keys.Foreign{}, fmt.Errorf("cannot read the key from %s: %w", name, err)
	}
	defer clear(content)
	key, err := keys.ParseForeign(content, kid, alg)
	if err != nil {
		return keys.Foreign{}, fmt.Errorf("cannot take the key in %s: %w", name, err)
	}
	if key.Private() && mode&0o077 != 0 {
		fmt.Fprintln(a.stderr, clean("signet: "+name+" holds a private key, and other users may read it (chmod 600)"))
	}
	return key, nil
}

func (a *app) importKey(ctx context.Context, foreign keys.Foreign, o keys.ImportOptions) error {
	return a.withStore(ctx, func(cfg *config.Config, st *store.Store) error {
		conf, err := a.keysConfig(ctx, cfg, st)
		if err != nil {
			return err
		}
		if !o.VerifyOnly && !slices.Contains(conf.Algorithms, foreign.Algorithm) {
			return fmt.Errorf("the key is one for %s, which keys.algorithms does not have: add it there, or import the key with --verify-only", foreign.Algorithm)
		}
		before, err := st.Keys(ctx)
		if err != nil {
			return err
		}
		key, err := keys.Import(ctx, conf, foreign, o)
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(a.showKey(key))
		}
		err = a.pairs(
			pair{"kid", key.KID},
			pair{"alg", key.Algorithm},
			pair{"state", string(key.State)},
		)
		a.say("")
		a.sayImported(keyRoom{cfg: cfg, st: st, conf: conf}, key, len(before) == 0)
		if foreign.Private() {
			a.say("Where it came from, the private key still is as well: destroy it there, unless something needs it.")
		}
		return err
	})
}

// sayImported says what became of an imported key.
func (a *app) sayImported(room keyRoom, key keys.Key, first bool) {
	known := room.knownBy(key)
	switch {
	case key.State == keys.StateVerifyOnly:
		a.say("It is published until %s, so that tokens of the other issuer go on being verified. It never signs.", moment(key.RemovedAt))
		a.say("A running server publishes it within %s; every verifier has it by %s.", config.FormatDuration(room.conf.ReloadEvery), moment(known))
	case first:
		a.say("It is the first key: \"signet serve\" signs with it from its start on.")
		others := slices.DeleteFunc(slices.Clone(room.conf.Algorithms), func(alg string) bool { return alg == key.Algorithm })
		if len(others) > 0 {
			a.say("The first keys of %s are made then, and announced.", strings.Join(others, ", "))
		}
	case key.State == keys.StateActive:
		if !known.After(a.now()) {
			known = time.Time{}
		}
		a.sayTakenOver(room, key.AnnouncedAt, known)
	default:
		a.say("It is published now and begins to sign %s (in %s), when every verifier can have it.", moment(key.ActiveAt), a.until(key.ActiveAt))
		a.say("Nothing has to be restarted.")
	}
}
