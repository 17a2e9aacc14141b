package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"signet/authz/store"
	"signet/clients"
	"signet/cmd/signet/config"
)

// applyOverlap is how long an old secret goes on when a file brings another.
const applyOverlap = 24 * time.Hour

// applyFlags are those of `clients apply`.
type applyFlags struct {
	files         []string
	dryRun, prune bool
	adopt         bool
	secretsDir    string
}

func newClientsApply(a *app) *cobra.Command {
	var flags applyFlags
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Make the clients what a file says, as often as you like",
		Long: `Make the clients what a file says. A client that is not there is created; of one
that is, the fields that the file names are changed and all others left alone,
null gives a field its default back. Applied again, nothing changes. When anything
in the files is wrong, all of it is told and nothing is changed.

A file, in YAML or JSON, holds a list of clients, bare or under the key clients, or
one client, with the keys of config.yaml. A new client's secret is read from its
client_secret_file, or made and shown once, or written to --secrets-dir. A
client_secret_file that holds another secret than before rotates it: the old one
works for 24 h more.

Clients that were made by other means are left alone unless --adopt is given;
those of config.yaml, and those that registered themselves, always are. --prune
deletes clients that an earlier file made and that are in none of these.`,
		Example: `  signet clients apply -f clients.yaml --dry-run
  signet clients apply -f apps.yaml -f services.yaml --prune
  signet clients show shop --json | signet --config other.yaml clients apply -f -`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(flags.files) == 0 {
				return usagef("-f FILE is missing; name the file that says what the clients are, or - for standard input")
			}
			declared, err := a.readClients(flags.files)
			if err != nil {
				return err
			}
			return a.withStore(cmd.Context(), func(cfg *config.Config, st *store.Store) error {
				return a.applyClients(cmd.Context(), cfg, st, declared, &flags)
			})
		},
	}
	set := cmd.Flags()
	set.StringArrayVarP(&flags.files, "file", "f", nil, "a `FILE` of clients (- is standard input); may be given again")
	set.BoolVar(&flags.dryRun, "dry-run", false, "say what would change, and change nothing")
	set.BoolVar(&flags.prune, "prune", false, "delete clients that an earlier file made and that these do not name; their grants are revoked")
	set.BoolVar(&flags.adopt, "adopt", false, "take over clients that were made on the command line or by the admin API")
	set.StringVar(&flags.secretsDir, "secrets-dir", "", "write each secret that is made to a file of its own in `DIR`, named as the client, instead of showing it")
	return cmd
}

// readClients reads all files, and tells the faults of all.
func (a *app) readClients(files []string) ([]config.Client, error) {
	var all []config.Client
	var faults config.Faults
	for _, file := range files {
		text, name, folder, err := a.readFile(file)
		if err != nil {
			return nil, err
		}
		some, err := config.ReadClients(name, folder, text)
		var wrong config.Faults
		switch {
		case errors.As(err, &wrong):
			faults = append(faults, wrong...)
		case err != nil:
			return nil, err
		}
		all = append(all, some...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return all, nil
}

func (a *app) readFile(file string) (text []byte, name, folder string, err error) {
	const most = 64 << 20
	if file == "-" {
		text, err = io.ReadAll(io.LimitReader(a.stdin, most))
		return text, "standard input", ".", err
	}
	text, err = os.ReadFile(file)
	if err != nil {
		return nil, "", "", fmt.Errorf("-f: cannot read it: %s; name a file that this user may read", strings.TrimPrefix(err.Error(), "open "))
	}
	return text, file, filepath.Dir(file), nil
}

func (a *app) applyClients(ctx context.Context, cfg *config.Config, st *store.Store, declared []config.Client, flags *applyFlags) error {
	stored, err := st.Clients(ctx)
	if err != nil {
		return err
	}
	p := &applyPlan{app: a, cfg: cfg, flags: flags, stored: stored}
	steps, err := p.make(declared)
	if err != nil {
		return err
	}
	if !flags.dryRun {
		for i := range steps {
			if err := a.applyStep(ctx, cfg, st, &steps[i], flags); err != nil {
				err = fmt.Errorf("client %s: %w; the clients before it were applied: run it again when this is mended", steps[i].id, err)
				if i > 0 { // the secrets that were made are shown now or never
					err = errors.Join(a.printApplied(steps[:i], flags), err)
				}
				return err
			}
		}
	}
	return a.printApplied(steps, flags)
}

// applyStep does what was planned for one client.
func (a *app) applyStep(ctx context.Context, cfg *config.Config, st *store.Store, s *applyStep, flags *applyFlags) (err error) {
	r := a.registry(cfg, st)
	var made clients.Registered
	switch s.Action {
	case applyUnchanged:
		return nil
	case applyDelete:
		s.Revoked, err = a.deleteClient(ctx, st, s.id)
		return err
	}
	keep, err := openSecretFile(flags.secretsDir, s)
	if err != nil {
		return err
	}
	switch {
	case s.Action == applyCreate:
		c := clients.Client{ID: s.id, Source: clients.SourceFile}
		if err = s.declared.Apply(&c); err == nil {
			made, err = r.Create(ctx, c, s.secret)
		}
	case s.changesFields():
		made, err = r.Update(ctx, s.id, s.firstSecret(), func(c *clients.Client) error {
			c.Source = clients.SourceFile
			return s.declared.Apply(c)
		})
	}
	if err == nil && s.rotates {
		_, err = r.RotateSecret(ctx, s.id, s.secret, applyOverlap)
	}
	return keep(made.Secret, s, err)
}

// openSecretFile makes the file for a secret before there is one: a secret that
// could not be written would be lost. The function that it returns writes it, or
// takes the file away again.
func openSecretFile(dir string, s *applyStep) (keep func(secret string, s *applyStep, err error) error, err error) {
	if dir == "" || !s.makesSecret {
		return func(secret string, s *applyStep, err error) error { s.Secret = secret; return err }, nil
	}
	name := secretFile(dir, s.id)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--secrets-dir: %w", err)
	}
	return func(secret string, s *applyStep, err error) error {
		if err == nil && secret != "" {
			s.SecretFile = name
			_, err = io.WriteString(f, secret+"\n")
			return errors.Join(err, f.Close())
		}
		return errors.Join(err, f.Close(), os.Remove(name))
	}, nil
}
