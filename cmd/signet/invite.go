package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"signet/authz"
	"signet/authz/store"
	"signet/cmd/signet/config"
)

const (
	// maxInvited is how many clients one invitation may be for, maxInvitation how
	// long it may last: a token that opens the door for ever is a password.
	maxInvited    = 10_000
	maxInvitation = 365 * 24 * time.Hour
	maxNote       = 200
)

func newClientsInvite(a *app) *cobra.Command {
	uses, note := 1, ""
	lifetime := durationFlag(24 * time.Hour)
	cmd := &cobra.Command{
		Use:   "invite",
		Short: "Make a token with which an app can register itself",
		Long: `Make a token with which an app can register itself at the registration endpoint
(an initial access token, RFC 7591). It is shown once. A registration that is
refused costs nothing; "signet clients invitations" says what is left of each.`,
		Example: `  signet clients invite --note "the shop's staging"
  signet clients invite --uses 20 --for 7d --note "partner fair"`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			note = strings.TrimSpace(note)
			switch d := time.Duration(lifetime); {
			case uses < 1 || uses > maxInvited:
				return usagef("--uses %d is out of range; write 1 to %d", uses, maxInvited)
			case d < time.Second || d > maxInvitation:
				return usagef("--for %s is out of range; write 1s to 365d", config.FormatDuration(d))
			case utf8.RuneCountInString(note) > maxNote || !utf8.ValidString(note) || strings.ContainsRune(note, 0):
				return usagef("--note is longer than %d characters, or is no text", maxNote)
			}
			return a.withStore(cmd.Context(), func(cfg *config.Config, st *store.Store) error {
				return a.invite(cmd.Context(), cfg, st, uses, note, time.Duration(lifetime))
			})
		},
	}
	cmd.Flags().IntVar(&uses, "uses", 1, "how many clients may be registered with it (`N`)")
	cmd.Flags().Var(&lifetime, "for", "how long it can be used")
	cmd.Flags().StringVar(&note, "note", "", "what it is for, in a few words (`TEXT`); it is kept with the invitation")
	return cmd
}

func (a *app) invite(ctx context.Context, cfg *config.Config, st *store.Store, uses int, note string, lifetime time.Duration) error {
	now := a.now().UTC()
	var random io.Reader = rand.Reader
	if a.rand != nil {
		random = a.rand
	}
	i, token, err := authz.NewInvitation(random, uses, note, now, now.Add(lifetime))
	if err != nil {
		return err
	}
	if err := st.CreateInvitation(ctx, i); err != nil {
		return err
	}
	if a.json {
		shown := a.showInvitation(&i)
		shown.Token, shown.Endpoint = token, cfg.Issuer+"/oauth2/register"
		return a.printJSON(shown)
	}
	err = a.pairs(
		pair{"invitation_id", i.ID},
		pair{"initial_access_token", token},
		pair{"registration_endpoint", cfg.Issuer + "/oauth2/register"},
		pair{"uses", strconv.Itoa(uses)},
		pair{"expires", moment(i.ExpiresAt)},
		pair{"note", note},
	)
	if err != nil {
		return err
	}
	a.say("")
	a.say("This is the only time that initial_access_token is shown.")
	if cfg.Registration.Mode != authz.RegistrationInvite {
		a.say("registration.mode is %s: the token is of use once it is invite.", cfg.Registration.Mode)
	}
	return nil
}

// shownInvitation is an invitation for scripts.
type shownInvitation struct {
	ID       string `json:"invitation_id"`
	Token    string `json:"initial_access_token,omitempty"`
	Endpoint string `json:"registration_endpoint,omitempty"`
	Uses     int    `json:"uses"`
	UsesLeft int    `json:"uses_left"`
	// State is live, used up or expired.
	State     string    `json:"state"`
	Note      string    `json:"note,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (a *app) showInvitation(i *authz.Invitation) shownInvitation {
	s := shownInvitation{ID: i.ID, Uses: i.Uses, UsesLeft: i.UsesLeft, State: "live", Note: i.Note, CreatedAt: i.CreatedAt, ExpiresAt: i.ExpiresAt}
	switch {
	case i.UsesLeft < 1:
		s.State = "used up"
	case !i.Live(a.now()):
		s.State = "expired"
	}
	return s
}

func newClientsInvitations(a *app) *cobra.Command {
	return group("invitations", "The invitations to register: list them, take them back",
		newInvitationsList(a),
		newInvitationsRevoke(a),
	)
}

func newInvitationsList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the invitations that are kept, without their tokens",
		Args:  takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(_ *config.Config, st *store.Store) error {
				all, err := st.Invitations(cmd.Context())
				if err != nil {
					return err
				}
				shown := make([]shownInvitation, len(all))
				var rows [][]string
				for n := range all {
					s := a.showInvitation(&all[n])
					shown[n] = s
					rows = append(rows, []string{s.ID, fmt.Sprintf("%d of %d", s.UsesLeft, s.Uses), moment(s.ExpiresAt), s.State, s.Note})
				}
				if a.json {
					return a.printJSON(shown)
				}
				return a.table(`No invitations; "signet clients invite" makes one.`, []string{"INVITATION ID", "LEFT", "EXPIRES", "STATE", "NOTE"}, rows)
			})
		},
	}
}

func newInvitationsRevoke(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke INVITATION_ID",
		Short: "Take an invitation back; what was registered with it stays",
		Args:  takes("INVITATION_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(_ *config.Config, st *store.Store) error {
				err := st.RevokeInvitation(cmd.Context(), args[0])
				if errors.Is(err, authz.ErrNotFound) {
					return fmt.Errorf("there is no invitation %q; \"signet clients invitations list\" shows all", args[0])
				}
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(struct {
						Revoked string `json:"revoked"`
					}{args[0]})
				}
				a.say("Invitation %s is revoked.", args[0])
				return nil
			})
		},
	}
}
