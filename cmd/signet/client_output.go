package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"signet/clients"
	"signet/cmd/signet/config"
)

func (a *app) printClients(all []clients.Client, uses []clients.Use) error {
	if a.json {
		shown := make([]clients.Metadata, len(all))
		for i := range all {
			shown[i] = a.shown(&all[i], uses)
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

// shown is c for scripts: the names of RFC 7591; when the older of two secrets
// ends, in seconds since 1970 as there; and when it was last used.
func (a *app) shown(c *clients.Client, uses []clients.Use) clients.Metadata {
	m := c.Metadata()
	if old, ok := a.ending(c); ok {
		m = m.With("previous_secret_expires_at", old.ExpiresAt.Unix())
	}
	return c.WithUses(m, uses)
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
func (a *app) printClient(c clients.Client, plain string, uses []clients.Use) error {
	m := a.shown(&c, uses)
	if plain != "" {
		m = m.With("client_secret", plain)
	}
	if a.json {
		return a.printJSON(m)
	}
	rows := []pair{{"client_id", c.ID}, {"client_secret", plain}}
	for _, f := range clients.Fields() {
		rows = append(rows, pair{f.Name, fieldWords(&f, &c)})
		for _, name := range slices.Sorted(maps.Keys(c.Localized)) {
			if strings.HasPrefix(name, f.Name+"#") {
				rows = append(rows, pair{name, c.Localized[name]})
			}
		}
	}
	err := a.pairs(append(rows,
		pair{"secrets", a.secretWords(&c)},
		pair{"source", string(c.Source)},
		pair{"created", moment(c.CreatedAt)},
		pair{"updated", moment(c.UpdatedAt)},
		pair{"last_used", a.useWords(&c, uses)},
	)...)
	if plain != "" && err == nil {
		a.say("")
		a.say("This is the only time that client_secret is shown: put it where the app reads it now.")
	}
	return err
}

// fieldWords is a field for people, "" for one that is not worth a line.
func fieldWords(f *clients.Field, c *clients.Client) string {
	switch f.Name {
	case "token_endpoint_auth_method":
		return authMethodWords(c)
	case "require_pkce":
		return pkceWords(c)
	case "access_token_status_list":
		return yes(c.StatusListed())
	case "refresh_token_rotation":
		if c.RefreshTokenRotation != nil {
			return strconv.FormatBool(*c.RefreshTokenRotation)
		}
	}
	switch v := f.Value(c).(type) {
	case nil:
		return ""
	case bool:
		return yes(v)
	case int64:
		return config.FormatDuration(time.Duration(v) * time.Second)
	case string:
		return v
	case []string:
		if f.Name == "grant_types" {
			return strings.Join(v, " ")
		}
		return lines(v)
	default:
		doc, err := json.Marshal(v)
		if err != nil {
			return err.Error()
		}
		return string(doc)
	}
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

func (a *app) secretWords(c *clients.Client) string {
	old, ok := a.ending(c)
	if !ok {
		return ""
	}
	return fmt.Sprintf("two; the older works until %s (%s more)", moment(old.ExpiresAt), span(old.ExpiresAt.Sub(a.now()).Round(time.Second)))
}

// useWords says when the client was last used, and each of two secrets: whoever
// rotates wants to know whether the old one still is.
func (a *app) useWords(c *clients.Client, uses []clients.Use) string {
	last := func(credential string) string {
		for _, u := range uses {
			if u.ClientID == c.ID && u.Credential == credential {
				return "about " + moment(u.At)
			}
		}
		return "never"
	}
	if last("") == "never" {
		return ""
	}
	words := last("")
	if len(c.Secrets) > 1 {
		for i, s := range c.Secrets {
			name := "newer"
			if i > 0 {
				name = "older"
			}
			words += fmt.Sprintf("\nthe %s secret: %s", name, last(s.Fingerprint()))
		}
	}
	return words
}
