package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"signet/authz"
	"signet/authz/store"
	"signet/cmd/signet/config"
)

func newGrants(a *app) *cobra.Command {
	return group("grants", "What people have allowed clients: list it, take it back",
		newGrantsList(a),
		newGrantsRevoke(a),
	)
}

// grantFlags say which grants are meant.
type grantFlags struct{ user, client, session string }

func (f *grantFlags) register(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&f.user, "user", "", "those of one person (`USER`: username, email address or sub)")
	set.StringVar(&f.client, "client", "", "those of one client (`CLIENT_ID`)")
	set.StringVar(&f.session, "session", "", "those made in one sign-in session (`SID`, as in the sid claim)")
}

// filter turns the names that were given into ids, and refuses those that are
// nobody's: a mistyped one must not look as if there was nothing to find.
func (f *grantFlags) filter(ctx context.Context, st *store.Store) (authz.GrantFilter, error) {
	filter := authz.GrantFilter{ClientID: f.client, SessionID: f.session}
	if f.user != "" {
		p, err := findUser(ctx, st, f.user)
		if err != nil {
			return filter, err
		}
		filter.Subject = p.ID
	}
	if f.client != "" {
		if _, err := findClient(ctx, st, f.client); err != nil {
			return filter, err
		}
	}
	return filter, nil
}

func (f *grantFlags) given() bool { return f.user != "" || f.client != "" || f.session != "" }

func newGrantsList(a *app) *cobra.Command {
	var flags grantFlags
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the grants that are alive",
		Long: `List the grants that are alive: what people have allowed clients, one line for
each authorization. Several filters together narrow the list.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(_ *config.Config, st *store.Store) error {
				filter, err := flags.filter(cmd.Context(), st)
				if err != nil {
					return err
				}
				if !all {
					filter.LiveAt = a.now()
				}
				return a.printGrants(cmd.Context(), st, filter)
			})
		},
	}
	flags.register(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "also those that were revoked or have expired, while they are kept")
	return cmd
}

func newGrantsRevoke(a *app) *cobra.Command {
	var flags grantFlags
	var reason string
	cmd := &cobra.Command{
		Use:   "revoke [GRANT_ID…]",
		Short: "Take grants back, and the tokens that came from them",
		Long: `Take grants back by their ids, or all of a person, a client or a session;
several filters together narrow what is meant. Their codes and refresh tokens are
void at once, and userinfo and introspection refuse their access tokens; an API
that verifies JWTs by itself may take one until it expires.

Whoever is signed in can allow the client again: to keep a person or a client
out, disable them first.`,
		Example: `  signet grants revoke --user ada --reason "lost her phone"
  signet grants revoke --client shop --user ada --reason "asked by mail"
  signet grants revoke 6f1c0a2b9d3e4f5061728394a5b6c7d8 --reason "not hers"`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, ids []string) error {
			reason = strings.TrimSpace(reason)
			switch {
			case len(ids) == 0 && !flags.given():
				return usagef("which grants? Name their ids, or give --user, --client or --session")
			case len(ids) > 0 && flags.given():
				return usagef("give ids, or --user, --client and --session, not both")
			case reason == "":
				return usagef("--reason is missing; say why, for those who read \"signet grants list --all\" later")
			}
			return a.withStore(cmd.Context(), func(_ *config.Config, st *store.Store) error {
				filters, err := flags.filters(cmd.Context(), st, ids)
				if err != nil {
					return err
				}
				return a.revokeGrants(cmd.Context(), st, filters, reason)
			})
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words (`TEXT`); it is kept with the grant")
	return cmd
}

// filters returns one filter for each id, all of them known, or else the one of
// the flags.
func (f *grantFlags) filters(ctx context.Context, st *store.Store, ids []string) ([]authz.GrantFilter, error) {
	if len(ids) == 0 {
		filter, err := f.filter(ctx, st)
		return []authz.GrantFilter{filter}, err
	}
	var filters []authz.GrantFilter
	for _, id := range ids {
		if _, err := st.Grant(ctx, id); errors.Is(err, authz.ErrNotFound) {
			return nil, fmt.Errorf("there is no grant %q; \"signet grants list --all\" shows those that are kept. Nothing was changed", id)
		} else if err != nil {
			return nil, err
		}
		filters = append(filters, authz.GrantFilter{ID: id})
	}
	return filters, nil
}

func (a *app) revokeGrants(ctx context.Context, st *store.Store, filters []authz.GrantFilter, reason string) error {
	revoked := []string{}
	note := func(g authz.Grant) { revoked = append(revoked, g.ID) }
	for _, f := range filters {
		if _, err := authz.RevokeGrants(ctx, st, f, a.now().UTC(), reason, note); err != nil {
			return fmt.Errorf("%w; %d grants were revoked before that", err, len(revoked))
		}
	}
	if a.json {
		return a.printJSON(struct {
			Revoked []string `json:"revoked"`
			Reason  string   `json:"reason"`
		}{revoked, reason})
	}
	switch len(revoked) {
	case 0:
		a.say("There was no live grant to revoke. Nothing has changed.")
	case 1:
		a.say("Grant %s is revoked.", revoked[0])
	default:
		a.say("%d grants are revoked.", len(revoked))
	}
	return nil
}
