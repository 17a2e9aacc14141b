package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"signet/authz"
	"signet/authz/store"
	"signet/cmd/signet/config"
)

func newLogout(a *app) *cobra.Command {
	return group("logout", "The logout tokens that apps get when a session ends",
		newLogoutList(a),
	)
}

// shownLogout is a logout token on its way, for scripts.
type shownLogout struct {
	Session  string `json:"sid"`
	ClientID string `json:"client_id"`
	Subject  string `json:"sub"`
	// State is pending, delivered or failed.
	State       string    `json:"state"`
	Attempts    int       `json:"attempts"`
	CreatedAt   time.Time `json:"created_at"`
	DeliveredAt time.Time `json:"delivered_at,omitzero"`
	NextAt      time.Time `json:"next_at,omitzero"`
	Status      int       `json:"status,omitempty"`
	Error       string    `json:"error,omitempty"`
}

func showLogout(d authz.LogoutDelivery) shownLogout {
	s := shownLogout{
		Session: d.SID, ClientID: d.ClientID, Subject: d.Subject, State: "failed", Attempts: d.Attempts,
		CreatedAt: d.CreatedAt, DeliveredAt: d.DeliveredAt, NextAt: d.NextAt, Status: d.Status, Error: d.Error,
	}
	switch {
	case !d.DeliveredAt.IsZero():
		s.State = "delivered"
	case !d.NextAt.IsZero():
		s.State = "pending"
	}
	return s
}

func newLogoutList(a *app) *cobra.Command {
	var all bool
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the logout tokens that apps have not taken",
		Long: `List the logout tokens that apps have not taken, the newest first: those that
are tried again, and those that were given up, with what the app answered last.
They are kept for a week.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return usagef("--limit is %d; give a number from 1 up", limit)
			}
			return a.withStore(cmd.Context(), func(_ *config.Config, st *store.Store) error {
				return a.printLogouts(cmd.Context(), st, all, limit)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also those that were delivered")
	cmd.Flags().IntVar(&limit, "limit", 200, "list so many at most (`N`)")
	return cmd
}

func (a *app) printLogouts(ctx context.Context, st *store.Store, all bool, limit int) error {
	found, err := st.LogoutDeliveries(ctx, all, limit)
	if err != nil {
		return err
	}
	shown := make([]shownLogout, len(found))
	for i, d := range found {
		shown[i] = showLogout(d)
	}
	if a.json {
		return a.printJSON(shown)
	}
	var rows [][]string
	for _, s := range shown {
		state := s.State
		if s.Error != "" {
			state += ": " + s.Error
		}
		rows = append(rows, []string{s.Session, s.ClientID, s.Subject, moment(s.CreatedAt), fmt.Sprint(s.Attempts), moment(s.NextAt), state})
	}
	return a.table("No such logout tokens.", []string{"SESSION", "CLIENT", "SUB", "SESSION ENDED", "ATTEMPTS", "NEXT", "STATE"}, rows)
}
