package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"signet/authz/login"
	"signet/authz/store"
)

const attributeHelp = "`NAME=VALUE`, an attribute that claims can be taken from; a VALUE that is a JSON number, true, false or list counts as such; may be given again"

// userChange is what `users update` was given.
type userChange struct {
	email, name                         *string
	emailVerified                       *bool
	attributes, addGroups, removeGroups []string
}

func newUsersUpdate(a *app) *cobra.Command {
	var email, name string
	var verified bool
	var change userChange
	cmd := &cobra.Command{
		Use:   "update USER",
		Short: "Change what is known of a person",
		Long: `Change what is known of a person: only what is given. Another email address is
not verified unless you say so with --email-verified. --attribute NAME= takes an
attribute away. The next token that any app gets for them says what is new.`,
		Args: takes("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			given := cmd.Flags().Changed
			if given("email") {
				change.email = &email
			}
			if given("name") {
				change.name = &name
			}
			if given("email-verified") {
				change.emailVerified = &verified
			}
			if !slices.ContainsFunc([]string{"email", "name", "email-verified", "attribute", "group", "remove-group"}, given) {
				return usagef("nothing to change; give --email, --name, --attribute, --group or --remove-group")
			}
			return a.updateUser(cmd, args[0], change)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&email, "email", "", "another email `ADDRESS`; empty takes it away")
	flags.BoolVar(&verified, "email-verified", false, "you vouch that the email address is the person's own; false takes it back")
	flags.StringVar(&name, "name", "", "the full `NAME`; empty takes it away")
	flags.StringArrayVar(&change.attributes, "attribute", nil, attributeHelp+"; an empty VALUE takes it away")
	flags.StringArrayVar(&change.addGroups, "group", nil, "a `GROUP` to add; may be given again")
	flags.StringArrayVar(&change.removeGroups, "remove-group", nil, "a `GROUP` to take away; may be given again")
	return cmd
}

func (a *app) updateUser(cmd *cobra.Command, name string, change userChange) error {
	attributes, err := parseAttributes(change.attributes)
	if err != nil {
		return err
	}
	for _, g := range change.addGroups {
		if slices.Contains(change.removeGroups, g) {
			return usagef("the group %q is in both --group and --remove-group; give one of the two", g)
		}
	}
	return a.withLogin(cmd.Context(), func(people *login.Service, st *store.Store) error {
		p, err := findUser(cmd.Context(), st, name)
		if err != nil {
			return err
		}
		p, err = people.UpdatePerson(cmd.Context(), p.ID, func(p *login.Person) error {
			change.apply(p, attributes)
			return nil
		})
		if errors.Is(err, login.ErrTaken) {
			return fmt.Errorf("the email address %q belongs to someone already; \"signet users list\" shows all", *change.email)
		}
		if err != nil {
			return err
		}
		return a.printUser(p)
	})
}

func (c *userChange) apply(p *login.Person, attributes login.Attributes) {
	if c.email != nil && *c.email != p.Email {
		if p.Username == p.Email && *c.email != "" {
			p.Username = *c.email // they sign in with the address alone
		}
		p.Email, p.EmailVerified = *c.email, false
	}
	if c.emailVerified != nil {
		p.EmailVerified = *c.emailVerified
	}
	if c.name != nil {
		p.Profile.Name = *c.name
	}
	for _, g := range c.addGroups {
		if !slices.Contains(p.Groups, g) {
			p.Groups = append(p.Groups, g)
		}
	}
	p.Groups = slices.DeleteFunc(p.Groups, func(g string) bool { return slices.Contains(c.removeGroups, g) })
	if p.Attributes == nil {
		p.Attributes = login.Attributes{}
	}
	maps.Copy(p.Attributes, attributes)
}

// parseAttributes reads NAME=VALUE. A value that is JSON but for an object or a
// text is what JSON says; nil stands for an empty one. The rules for names and
// values are those of login.
func parseAttributes(given []string) (login.Attributes, error) {
	out := login.Attributes{}
	for _, text := range given {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, usagef("--attribute %q is not NAME=VALUE", text)
		}
		if _, twice := out[name]; twice {
			return nil, usagef("--attribute %s is given twice; for several values write '%s=[\"a\",\"b\"]'", name, name)
		}
		out[name] = nil
		var v any
		switch err := json.Unmarshal([]byte(value), &v); {
		case value == "":
			continue
		case err != nil || v == nil:
			out[name] = value
			continue
		}
		switch v.(type) {
		case bool, float64, []any:
			out[name] = v
		default:
			out[name] = value
		}
	}
	return out, nil
}

// attributeLines writes attributes as they are given.
func attributeLines(all login.Attributes) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value, ok := all[name].(string)
		if !ok {
			text, err := json.Marshal(all[name])
			if err != nil {
				continue // nothing that login.Attributes holds
			}
			value = string(text)
		}
		out = append(out, name+"="+value)
	}
	return out
}
