package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"signet/authz/store"
	"signet/clients"
	"signet/cmd/signet/config"
)

// changeClient changes the client with this id by the registry, and prints it.
// The database waits for it, so that it must not wait for anyone.
func (a *app) changeClient(ctx context.Context, id string, change func(*clients.Registry) (clients.Registered, error)) error {
	return a.withStore(ctx, func(cfg *config.Config, st *store.Store) error {
		if cfg.Declares(id) {
			return declaredElsewhere(id, cfg)
		}
		changed, err := change(a.registry(cfg, st))
		switch {
		case errors.Is(err, clients.ErrNotFound):
			return noClient(id)
		case errors.Is(err, clients.ErrDeclared):
			return declaredElsewhere(id, cfg)
		case errors.Is(err, clients.ErrHasSecret):
			return fmt.Errorf("it has a secret already; \"signet clients rotate-secret %s --secret-file FILE\" puts another beside it for a while", id)
		case errors.Is(err, clients.ErrPublic):
			return fmt.Errorf("a public client has no secret; \"signet clients update %s --public=false\" gives it one", id)
		case err != nil:
			return byFlag(err)
		}
		uses, err := st.ClientUses(ctx, id)
		if err != nil {
			return err
		}
		return a.printClient(changed.Client, changed.Secret, uses)
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
			return a.changeClient(cmd.Context(), args[0], func(r *clients.Registry) (clients.Registered, error) {
				return r.Update(cmd.Context(), args[0], given, flags.apply)
			})
		},
	}
	flags.register(a, cmd.Flags())
	return cmd
}

func anyGiven(set *pflag.FlagSet) bool {
	given := false
	set.VisitAll(func(f *pflag.Flag) { given = given || f.Changed })
	return given
}

func newClientsDisable(a *app) *cobra.Command {
	var undo bool
	cmd := &cobra.Command{
		Use:   "disable CLIENT_ID",
		Short: "Stop a client at every endpoint, or let it in again",
		Args:  takes("CLIENT_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeClient(cmd.Context(), args[0], func(r *clients.Registry) (clients.Registered, error) {
				return r.Update(cmd.Context(), args[0], nil, func(c *clients.Client) error {
					c.Disabled = !undo
					return nil
				})
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
			return a.changeClient(cmd.Context(), args[0], func(r *clients.Registry) (clients.Registered, error) {
				return r.RotateSecret(cmd.Context(), args[0], given, time.Duration(overlap))
			})
		},
	}
	cmd.Flags().Var(&overlap, "overlap", "how long the old secret still works; 0 ends it at once")
	cmd.Flags().StringVar(&file, "secret-file", "", "take the secret from `FILE` (- is standard input) instead of making one")
	return cmd
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
