package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"signet/clients"
	"signet/cmd/signet/config"
)

func (a *app) printClients(all []clients.Client) error {
	if a.json {
		shown := make([]clients.Metadata, len(all))
		for i := range all {
			shown[i] = a.shown(&all[i])
		}
		return a.printJSON(shown)
	}
	var rows [][]string
	for i := range all {
		c := &all[i]
		kind, state := "confidential", "enabled"
		if c.Public() {
			kind = "public"
		}
		if c.Disabled {
			state = "disabled"
		}
		rows = append(rows, []string{c.ID, c.Name, kind, strings.Join(c.GrantTypes, " "), state, string(c.Source)})
	}
	return a.table(`No clients yet; "signet clients create" makes one.`,
		[]string{"CLIENT ID", "NAME", "TYPE", "GRANTS", "STATE", "FROM"}, rows)
}

// shown is c for scripts: the names of RFC 7591, and when the older of two
// secrets ends, in seconds since 1970 as there.
func (a *app) shown(c *clients.Client) clients.Metadata {
	m := c.Metadata()
	if old, ok := a.ending(c); ok {
		m = m.With("previous_secret_expires_at", old.ExpiresAt.Unix())
	}
	return m
}

// ending is the older of two secrets while it still works.
func (a *app) ending(c *clients.Client) (clients.Secret, bool) {
	i := slices.IndexFunc(c.Secrets, func(s clients.Secret) bool { return s.ExpiresAt.After(a.now()) })
	if i < 0 {
		return clients.Secret{}, false
	}
	return c.Secrets[i], true
}

// printClient prints c, and its secret if it has just been made.
func (a *app) printClient(c clients.Client, plain string) error {
	m := a.shown(&c)
	if plain != "" {
		m = m.With("client_secret", plain)
	}
	if a.json {
		return a.printJSON(m)
	}
	err := a.pairs(
		pair{"client_id", c.ID},
		pair{"client_secret", plain},
		pair{"client_name", c.Name},
		pair{"redirect_uris", lines(c.RedirectURIs)},
		pair{"post_logout_redirect_uris", lines(c.PostLogoutRedirectURIs)},
		pair{"grant_types", strings.Join(c.GrantTypes, " ")},
		pair{"scope", strings.Join(c.Scopes, " ")},
		pair{"audiences", lines(c.Audiences)},
		pair{"token_endpoint_auth_method", authMethodWords(&c)},
		pair{"require_pkce", pkceWords(&c)},
		pair{"first_party", yes(c.FirstParty)},
		pair{"id_token_claims", yes(c.IDTokenClaims)},
		pair{"id_token_signed_response_alg", c.IDTokenSignedResponseAlg},
		pair{"access_token_signed_response_alg", c.AccessTokenSignedResponseAlg},
		pair{"access_token_status_list", yes(c.StatusListed())},
		pair{"access_token_format", c.AccessTokenFormat},
		pair{"refresh_token_grace", spanWords(c.RefreshTokenGrace)},
		pair{"refresh_token_rotation", boolWords(c.RefreshTokenRotation)},
		pair{"refresh_token_idle_ttl", spanWords(&c.RefreshTokenIdleTTL, 0)},
		pair{"refresh_token_absolute_ttl", spanWords(&c.RefreshTokenAbsoluteTTL, 0)},
		pair{"introspection", c.Introspection},
		pair{"client_uri", c.ClientURI},
		pair{"logo_uri", c.LogoURI},
		pair{"policy_uri", c.PolicyURI},
		pair{"tos_uri", c.TermsURI},
		pair{"disabled", yes(c.Disabled)},
		pair{"secrets", a.secretWords(&c)},
		pair{"source", string(c.Source)},
		pair{"created", moment(c.CreatedAt)},
		pair{"updated", moment(c.UpdatedAt)},
	)
	if plain != "" && err == nil {
		a.say("")
		a.say("This is the only time that client_secret is shown: put it where the app reads it now.")
	}
	return err
}

func authMethodWords(c *clients.Client) string {
	switch c.TokenEndpointAuthMethod {
	case clients.AuthMethodAny:
		return "client_secret_basic or client_secret_post"
	case clients.AuthMethodNone:
		return "none (public)"
	}
	return c.TokenEndpointAuthMethod
}

func pkceWords(c *clients.Client) string {
	switch {
	case !c.GrantAllowed(clients.GrantAuthorizationCode):
		return ""
	case c.RequirePKCE != nil:
		return strconv.FormatBool(*c.RequirePKCE)
	case c.Public():
		return "true (public)"
	}
	return "PKCE or a nonce"
}

// spanWords writes a length of time, or nothing if it is none or the one that
// stands for a default.
func spanWords(d *time.Duration, unset ...time.Duration) string {
	if d == nil || slices.Contains(unset, *d) {
		return ""
	}
	return config.FormatDuration(*d)
}

func boolWords(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

func (a *app) secretWords(c *clients.Client) string {
	old, ok := a.ending(c)
	if !ok {
		return ""
	}
	return fmt.Sprintf("two; the older works until %s (%s more)", moment(old.ExpiresAt), span(old.ExpiresAt.Sub(a.now()).Round(time.Second)))
}
