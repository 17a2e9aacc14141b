package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"signet/authz"
	"signet/cmd/signet/server"
)

func newTokenPreview(a *app) *cobra.Command {
	var r authz.PreviewRequest
	var user string
	var scopes []string
	cmd := &cobra.Command{
		Use:   "preview",
		Short: "Show the tokens that an app would get for a person, without issuing any",
		Long: `Show the header and the claims of the access token and the ID token that an app
would get if a person signed in for it now, and what userinfo would answer. They
are computed as real ones are; nothing is signed, issued or stored. When the app
would get nothing, it says why and exits with 1.

What is only known once a token is made is left out: ` + strings.Join(authz.PreviewOmits, ", ") + ".",
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case r.ClientID == "":
				return usagef("--client is missing: the client_id of the app")
			case user == "":
				return usagef("--user is missing: who would sign in")
			}
			r.Scope = strings.Join(scopes, " ")
			return a.lookAtKeys(cmd.Context(), func(k keyRoom) error {
				person, err := findUser(cmd.Context(), k.st, user)
				if err != nil {
					return err
				}
				r.PersonID = person.ID
				p, err := server.OpenProvider(cmd.Context(), k.cfg, k.st, k.ring, a.quietLog(), a.now)
				if err != nil {
					return err
				}
				preview, err := p.Preview(cmd.Context(), r)
				if err != nil {
					return nothingIssued(err)
				}
				return a.printPreview(preview)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&r.ClientID, "client", "", "the `CLIENT_ID` of the app")
	flags.StringVar(&user, "user", "", "the `USER` who would sign in, by username, email address or sub")
	flags.StringArrayVar(&scopes, "scope", nil, "a `SCOPE` that the app would ask for; may be given again (default: all it may ask for)")
	flags.StringArrayVar(&r.Resources, "resource", nil, "the `URI` of an API that the access token would be for; may be given again (default: the app's first audience)")
	return cmd
}

// nothingIssued says why a preview is empty, with what only an operator may know.
func nothingIssued(err error) error {
	var refusal *authz.Error
	if !errors.As(err, &refusal) {
		return err
	}
	text := refusal.Description
	switch cause := errors.Unwrap(refusal); {
	case refusal.Expected != "":
		text += fmt.Sprintf(" There is %s; it has to be %s.", refusal.Received, refusal.Expected)
	case cause != nil:
		text = cause.Error()
	}
	return fmt.Errorf("nothing would be issued (%s): %s", refusal.Code, text)
}

func (a *app) printPreview(p *authz.Preview) error {
	if a.json {
		return a.printJSON(p)
	}
	for _, part := range []struct {
		name  string
		token *authz.PreviewToken
	}{{"access token", &p.AccessToken}, {"ID token", p.IDToken}, {"userinfo", p.UserInfo}} {
		if part.token == nil {
			continue
		}
		for _, half := range []struct {
			name   string
			claims map[string]any
		}{{"header", part.token.Header}, {"claims", part.token.Claims}} {
			if half.claims != nil {
				if err := a.printObject(part.name+" "+half.name, half.claims); err != nil {
					return err
				}
			}
		}
	}
	if p.RefreshToken {
		a.say("There would be a refresh token.")
	}
	a.say("Nothing was issued. Not shown, as they are made with the token: %s.", strings.Join(authz.PreviewOmits, ", "))
	return nil
}
