package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"signet/authz/login"
	"signet/authz/store"
	"signet/cmd/signet/config"
	"signet/cmd/signet/server"
)

func newUsers(a *app) *cobra.Command {
	return group("users", "The people who can sign in",
		newUsersCreate(a),
		newUsersList(a),
		newUsersShow(a),
		newUsersUpdate(a),
		newUsersSetPassword(a),
		newUsersDisable(a),
	)
}

// withLogin runs do with the open room of people.
func (a *app) withLogin(ctx context.Context, do func(*login.Service, *store.Store) error) error {
	return a.withStore(ctx, func(cfg *config.Config, st *store.Store) error {
		people, err := server.OpenLogin(cfg, st, a.quietLog())
		if err != nil {
			return err
		}
		return do(people, st)
	})
}

func newUsersCreate(a *app) *cobra.Command {
	var p login.NewPerson
	var fromStdin bool
	var attributes []string
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Add a person",
		Long: `Add a person. The password is asked for on the terminal, or read from standard
input with --password-stdin.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if p.Username == "" {
				p.Username = p.Email
			}
			if p.Username == "" {
				return usagef("--username is missing; or give --email alone, to sign in with")
			}
			var err error
			if p.Attributes, err = parseAttributes(attributes); err != nil {
				return err
			}
			return a.createUser(cmd.Context(), p, fromStdin)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&p.Username, "username", "", "the `NAME` the person signs in with (default: the email address)")
	flags.StringVar(&p.Email, "email", "", "an email `ADDRESS`, which signs in too")
	flags.BoolVar(&p.EmailVerified, "email-verified", false, "you vouch that the email address is the person's own")
	flags.StringVar(&p.Profile.Name, "name", "", "the full `NAME`")
	flags.StringArrayVar(&p.Groups, "group", nil, "a `GROUP` for the groups claim; may be given again")
	flags.StringArrayVar(&attributes, "attribute", nil, attributeHelp)
	flags.BoolVar(&p.Admin, "admin", false, "an operator of this server")
	flags.BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	return cmd
}

func (a *app) createUser(ctx context.Context, p login.NewPerson, fromStdin bool) error {
	return a.withLogin(ctx, func(people *login.Service, _ *store.Store) (err error) {
		if p.Password, err = a.readPassword(fromStdin); err != nil {
			return err
		}
		made, err := people.CreatePerson(ctx, p)
		if errors.Is(err, login.ErrTaken) {
			return fmt.Errorf("the username %q or the email address %q belongs to someone already; \"signet users list\" shows all", p.Username, p.Email)
		}
		if err != nil {
			return err
		}
		return a.printUser(made)
	})
}

func newUsersList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List all people",
		Args:  takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(_ *config.Config, st *store.Store) error {
				all, err := st.People(cmd.Context())
				if err != nil {
					return err
				}
				return a.printUsers(all)
			})
		},
	}
}

func newUsersShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show USER",
		Short: "Show one person, by username, email address or sub",
		Args:  takes("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(_ *config.Config, st *store.Store) error {
				p, err := findUser(cmd.Context(), st, args[0])
				if err != nil {
					return err
				}
				return a.printUser(p)
			})
		},
	}
}

func newUsersSetPassword(a *app) *cobra.Command {
	var fromStdin bool
	cmd := &cobra.Command{
		Use:   "set-password USER",
		Short: "Give a person another password",
		Long: `Give a person another password, asked for on the terminal, or read from standard
input with --password-stdin. They are signed out everywhere.`,
		Args: takes("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeUser(cmd.Context(), args[0], func(people *login.Service, id string) error {
				password, err := a.readPassword(fromStdin)
				if err != nil {
					return err
				}
				return people.SetPassword(cmd.Context(), id, password)
			})
		},
	}
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input")
	return cmd
}

func newUsersDisable(a *app) *cobra.Command {
	var undo bool
	cmd := &cobra.Command{
		Use:   "disable USER",
		Short: "Keep a person out, or let them in again",
		Long: `Keep a person from signing in and refreshing, or let them in again with --undo.
They are signed out everywhere.
Userinfo and introspection refuse their access tokens at once; an API that
verifies offline takes one until it expires.`,
		Args: takes("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeUser(cmd.Context(), args[0], func(people *login.Service, id string) error {
				return people.SetDisabled(cmd.Context(), id, !undo)
			})
		},
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "let them in again")
	return cmd
}

// changeUser finds the person that name means, lets change alter them by their
// ID, and prints them as they are then.
func (a *app) changeUser(ctx context.Context, name string, change func(people *login.Service, id string) error) error {
	return a.withLogin(ctx, func(people *login.Service, st *store.Store) error {
		p, err := findUser(ctx, st, name)
		if err != nil {
			return err
		}
		if err := change(people, p.ID); err != nil {
			return err
		}
		if p, err = st.Person(ctx, p.ID); err != nil {
			return err
		}
		return a.printUser(p)
	})
}

// findUser is the person with this username, email address or ID.
func findUser(ctx context.Context, st *store.Store, name string) (login.Person, error) {
	p, err := login.Person{}, login.ErrNotFound
	if key, errKey := login.Key(name); errKey == nil {
		p, err = st.PersonByLogin(ctx, key)
	}
	if errors.Is(err, login.ErrNotFound) {
		p, err = st.Person(ctx, name)
	}
	if errors.Is(err, login.ErrNotFound) {
		return p, fmt.Errorf("there is nobody called %q; \"signet users list\" shows all", name)
	}
	return p, err
}
