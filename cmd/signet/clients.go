package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"signet/authz/store"
	"signet/clients"
	"signet/cmd/signet/config"
)

func newClients(a *app) *cobra.Command {
	return group("clients", "The apps and services that get tokens",
		newClientsCreate(a),
		newClientsList(a),
		newClientsShow(a),
		newClientsUpdate(a),
		newClientsDisable(a),
		newClientsRotateSecret(a),
		newClientsInvite(a),
		newClientsInvitations(a),
	)
}

func newClientsCreate(a *app) *cobra.Command {
	var flags clientFlags
	var id string
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a client, and its secret",
		Example: `  signet clients create --name "The shop" --redirect-uri https://shop.example.com/callback
  signet clients create --id spa --public --redirect-uri https://spa.example.com/callback
  signet clients create --id nightly --audience https://api.example.com --scope orders:read`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			return a.withStore(cmd.Context(), func(cfg *config.Config, st *store.Store) error {
				if cfg.Declares(id) {
					return declaredElsewhere(id, cfg)
				}
				return a.createClient(cmd.Context(), cfg, st, &flags, id)
			})
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "its client_id, which never changes (default: one is made)")
	flags.register(cmd.Flags())
	return cmd
}

func (a *app) createClient(ctx context.Context, cfg *config.Config, st *store.Store, flags *clientFlags, id string) error {
	now := a.now().UTC()
	c := clients.Client{ID: id, Source: clients.SourceCLI, CreatedAt: now, UpdatedAt: now}
	if !flags.set.Changed("id") {
		var err error
		if c.ID, err = clients.NewID(a.rand); err != nil {
			return err
		}
	}
	flags.apply(&c)
	c.Fill()
	var plain string
	if !c.Public() {
		given, err := a.givenSecret(flags.secretFile)
		if err != nil {
			return err
		}
		made, secret, err := a.newSecret(given)
		if err != nil {
			return byFlag(err)
		}
		plain, c.Secrets = made, []clients.Secret{secret}
	}
	if err := errors.Join(c.Validate(), flags.checkAlgorithms(cfg, &c)); err != nil {
		return byFlag(err)
	}
	if err := st.CreateClient(ctx, c); errors.Is(err, clients.ErrExists) {
		return fmt.Errorf("the client_id %q is taken; choose another with --id, or change that client with \"signet clients update %s\"", c.ID, c.ID)
	} else if err != nil {
		return err
	}
	return a.printClient(c, plain)
}

func newClientsList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List all clients",
		Args:  takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(_ *config.Config, st *store.Store) error {
				all, err := st.Clients(cmd.Context())
				if err != nil {
					return err
				}
				return a.printClients(all)
			})
		},
	}
}

func newClientsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show CLIENT_ID",
		Short: "Show one client",
		Args:  takes("CLIENT_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(_ *config.Config, st *store.Store) error {
				c, err := findClient(cmd.Context(), st, args[0])
				if err != nil {
					return err
				}
				return a.printClient(c, "")
			})
		},
	}
}

// findClient is the client with this id, or an error that says where to look.
func findClient(ctx context.Context, st *store.Store, id string) (clients.Client, error) {
	c, err := st.Client(ctx, id)
	if errors.Is(err, clients.ErrNotFound) {
		return c, noClient(id)
	}
	return c, err
}

func noClient(id string) error {
	return fmt.Errorf("there is no client %q; \"signet clients list\" shows all", id)
}

// declaredElsewhere refuses to change here what the configuration says.
func declaredElsewhere(id string, cfg *config.Config) error {
	return fmt.Errorf("the client %q is declared in %s; change it there and start the server again", id, cfg.File)
}

// byFlag names the flags of the fields that err complains about.
func byFlag(err error) error {
	fields := config.FieldErrors(err)
	if len(fields) == 0 {
		return err
	}
	out := make([]error, len(fields))
	for i, f := range fields {
		out[i] = f
		if flag := flagOf[f.Field]; flag != "" {
			out[i] = fmt.Errorf("--%s: %s", flag, f.Reason)
		}
	}
	return errors.Join(out...)
}
