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
		newClientsDelete(a),
		newClientsApply(a),
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
				return a.createClient(cmd.Context(), a.registry(cfg, st), &flags, id)
			})
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "its client_id, which never changes (default: one is made)")
	flags.register(a, cmd.Flags())
	return cmd
}

// registry is the door through which clients are made and changed.
func (a *app) registry(cfg *config.Config, st *store.Store) *clients.Registry {
	return clients.NewRegistry(clients.RegistryConfig{Store: st, Check: cfg.CheckClient, Now: a.now, Rand: a.rand})
}

func (a *app) createClient(ctx context.Context, r *clients.Registry, flags *clientFlags, id string) error {
	c := clients.Client{ID: id, Source: clients.SourceCLI}
	if flags.set.Changed("id") && id == "" {
		return byFlag(&clients.FieldError{Field: "client_id", Reason: "must not be empty"})
	}
	if err := flags.apply(&c); err != nil {
		return byFlag(err)
	}
	given, err := a.givenSecret(flags.secretFile)
	if err != nil {
		return err
	}
	made, err := r.Create(ctx, c, given)
	if errors.Is(err, clients.ErrExists) {
		return fmt.Errorf("the client_id %q is taken; choose another with --id, or change that client with \"signet clients update %s\"", id, id)
	}
	if err != nil {
		return byFlag(err)
	}
	return a.printClient(made.Client, made.Secret, nil)
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
				uses, err := st.ClientUses(cmd.Context(), "")
				if err != nil {
					return err
				}
				return a.printClients(all, uses)
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
				uses, err := st.ClientUses(cmd.Context(), c.ID)
				if err != nil {
					return err
				}
				return a.printClient(c, "", uses)
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
		switch flag := flagOf(f.Field); flag {
		case "":
		case "localized":
			out[i] = fmt.Errorf("--localized: %s: %s", f.Field, f.Reason)
		default:
			out[i] = fmt.Errorf("--%s: %s", flag, f.Reason)
		}
	}
	return errors.Join(out...)
}
