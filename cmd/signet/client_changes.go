package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"signet/authz/store"
	"signet/clients"
	"signet/cmd/signet/config"
)

// changeClient lets change alter the client with this id, checks and stores the
// whole, and prints it. change returns a secret to show once. The database waits
// for it, so that it must not wait for anyone.
func (a *app) changeClient(ctx context.Context, id string, change func(*config.Config, *clients.Client) (plain string, err error)) error {
	return a.withStore(ctx, func(cfg *config.Config, st *store.Store) error {
		var changed clients.Client
		var plain string
		err := st.UpdateClient(ctx, id, func(c *clients.Client) (err error) {
			if c.Source == clients.SourceConfig || cfg.Declares(id) {
				return declaredElsewhere(id, cfg)
			}
			if plain, err = change(cfg, c); err != nil {
				return byFlag(err)
			}
			if err := c.Validate(); err != nil {
				return byFlag(err)
			}
			c.UpdatedAt = a.now().UTC()
			changed = *c
			return nil
		})
		if errors.Is(err, clients.ErrNotFound) {
			return noClient(id)
		}
		if err != nil {
			return err
		}
		return a.printClient(changed, plain)
	})
}

func newClientsUpdate(a *app) *cobra.Command {
	var flags clientFlags
	cmd := &cobra.Command{
		Use:   "update CLIENT_ID",
		Short: "Change what is given, and nothing else",
		Long: `Change what is given, and nothing else. A flag that may be given again replaces
the whole list; an empty one (--audience "") empties it. A public client that is
made confidential (--public=false) gets a secret and goes on needing PKCE, unless
--require-pkce=false is given too.`,
		Args: takes("CLIENT_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			if !anyGiven(cmd.LocalNonPersistentFlags()) {
				return usagef("nothing to change; give at least one flag")
			}
			given, err := a.givenSecret(flags.secretFile)
			if err != nil {
				return err
			}
			return a.changeClient(cmd.Context(), args[0], func(cfg *config.Config, c *clients.Client) (string, error) {
				return a.updateClient(cfg, c, &flags, given)
			})
		},
	}
	flags.register(cmd.Flags())
	return cmd
}

func anyGiven(set *pflag.FlagSet) bool {
	given := false
	set.VisitAll(func(f *pflag.Flag) { given = given || f.Changed })
	return given
}

func (a *app) updateClient(cfg *config.Config, c *clients.Client, flags *clientFlags, given *string) (plain string, err error) {
	wasPublic := c.Public()
	flags.apply(c)
	if err := flags.checkAlgorithms(cfg, c); err != nil {
		return "", err
	}
	switch {
	case c.Public():
		c.Secrets = nil
	case wasPublic:
		// PKCE was what this client had in place of a secret. It keeps it
		// until someone says otherwise.
		if c.RequirePKCE == nil {
			c.RequirePKCE = new(bool)
			*c.RequirePKCE = true
		}
		made, secret, err := a.newSecret(given)
		if err != nil {
			return "", err
		}
		plain, c.Secrets = made, []clients.Secret{secret}
	case flags.set.Changed("secret-file"):
		return "", errors.New("it has a secret already; \"signet clients rotate-secret " + c.ID + " --secret-file FILE\" puts another beside it for a while")
	}
	return plain, nil
}

func newClientsDisable(a *app) *cobra.Command {
	var undo bool
	cmd := &cobra.Command{
		Use:   "disable CLIENT_ID",
		Short: "Stop a client at every endpoint, or let it in again",
		Args:  takes("CLIENT_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeClient(cmd.Context(), args[0], func(_ *config.Config, c *clients.Client) (string, error) {
				c.Disabled = !undo
				return "", nil
			})
		},
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "let it in again")
	return cmd
}

func newClientsRotateSecret(a *app) *cobra.Command {
	var file string
	overlap := durationFlag(24 * time.Hour)
	cmd := &cobra.Command{
		Use:   "rotate-secret CLIENT_ID",
		Short: "Make a new secret; the old one works for a while longer",
		Args:  takes("CLIENT_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			given, err := a.givenSecret(file)
			if err != nil {
				return err
			}
			return a.changeClient(cmd.Context(), args[0], func(_ *config.Config, c *clients.Client) (string, error) {
				return a.rotateSecret(c, given, time.Duration(overlap))
			})
		},
	}
	cmd.Flags().Var(&overlap, "overlap", "how long the old secret still works; 0 ends it at once")
	cmd.Flags().StringVar(&file, "secret-file", "", "take the secret from `FILE` (- is standard input) instead of making one")
	return cmd
}

// rotateSecret puts a new secret beside the newest old one. Two live at most:
// whoever rotates twice within one overlap ends the first for good.
func (a *app) rotateSecret(c *clients.Client, given *string, overlap time.Duration) (string, error) {
	if c.Public() {
		return "", errors.New("a public client has no secret; \"signet clients update " + c.ID + " --public=false\" gives it one")
	}
	plain, fresh, err := a.newSecret(given)
	if err != nil {
		return "", err
	}
	now := a.now().UTC()
	old := slices.DeleteFunc(slices.Clone(c.Secrets), func(s clients.Secret) bool {
		return overlap == 0 || s.Hash == fresh.Hash || !s.ExpiresAt.IsZero() && !s.ExpiresAt.After(now)
	})
	c.Secrets = []clients.Secret{fresh}
	if len(old) > 0 {
		last := slices.MaxFunc(old, func(x, y clients.Secret) int { return x.CreatedAt.Compare(y.CreatedAt) })
		if end := now.Add(overlap); last.ExpiresAt.IsZero() || last.ExpiresAt.After(end) {
			last.ExpiresAt = end
		}
		c.Secrets = append(c.Secrets, last)
	}
	return plain, nil
}

// durationFlag is a duration that may be given in days too.
type durationFlag time.Duration

func (d *durationFlag) String() string { return config.FormatDuration(time.Duration(*d)) }
func (d *durationFlag) Type() string   { return "DURATION" }
func (d *durationFlag) Set(text string) error {
	parsed, err := config.ParseDuration(text)
	if err == nil {
		*d = durationFlag(parsed)
	}
	return err
}
