package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"signet/authz"
	"signet/authz/store"
	"signet/clients"
	"signet/cmd/signet/config"
)

func newClientsDelete(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "delete CLIENT_ID",
		Short: "Remove a client for good, and take its grants back",
		Long: `Remove a client for good. Its grants are taken back first: codes and refresh
tokens are void at once, and userinfo and introspection refuse its access tokens;
an API that verifies JWTs by itself may take one until it expires. What people
have consented to for it is forgotten. "signet clients disable" can be undone.`,
		Args: takes("CLIENT_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(cfg *config.Config, st *store.Store) error {
				id := args[0]
				if cfg.Declares(id) {
					return declaredElsewhere(id, cfg)
				}
				c, err := findClient(cmd.Context(), st, id)
				if err != nil {
					return err
				}
				revoked, err := a.deleteClient(cmd.Context(), st, id)
				if errors.Is(err, clients.ErrNotFound) {
					return noClient(id)
				}
				if err != nil {
					return err
				}
				return a.printDeleted(c, revoked)
			})
		},
	}
}

// deleteClient takes the grants of a client back and removes it. Grants that were
// made in between are taken back after.
func (a *app) deleteClient(ctx context.Context, st *store.Store, id string) (revoked int, err error) {
	const reason = "its client was deleted"
	revoke := func() error {
		n, err := authz.RevokeGrants(ctx, st, authz.GrantFilter{ClientID: id}, a.now().UTC(), reason, nil)
		revoked += n
		return err
	}
	if err := revoke(); err != nil {
		return revoked, err
	}
	if err := st.DeleteClient(ctx, id); err != nil {
		return revoked, err
	}
	return revoked, revoke()
}

func (a *app) printDeleted(c clients.Client, revoked int) error {
	if a.json {
		return a.printJSON(struct {
			ID      string `json:"client_id"`
			Deleted bool   `json:"deleted"`
			Revoked int    `json:"grants_revoked"`
		}{c.ID, true, revoked})
	}
	a.say("The client %s (%s) is deleted; %s.", c.ID, c.Name, grantsRevoked(revoked))
	return nil
}

func grantsRevoked(n int) string {
	switch n {
	case 0:
		return "it had no live grants"
	case 1:
		return "its one live grant is revoked"
	}
	return plural(n, "live grant") + " are revoked"
}
