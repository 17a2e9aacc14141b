package main

import (
	"strings"
	"time"

	"signet/authz/login"
)

// shownUser is a person for scripts: the names of the standard claims (OpenID
// Connect Core, section 5.1), username as in RFC 7662, section 2.2, and ours.
type shownUser struct {
	Subject       string `json:"sub"`
	Username      string `json:"username"`
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified"`
	login.Profile
	Groups     []string         `json:"groups"`
	Attributes login.Attributes `json:"attributes"`
	Admin      bool             `json:"admin"`
	Disabled   bool             `json:"disabled"`
	// HasPassword is false for someone who cannot sign in yet.
	HasPassword bool      `json:"has_password"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

func newShownUser(p login.Person) shownUser {
	attributes := p.Attributes
	if attributes == nil {
		attributes = login.Attributes{}
	}
	return shownUser{
		Subject: p.ID, Username: p.Username, Email: p.Email, EmailVerified: p.EmailVerified,
		Profile: p.Profile, Groups: append([]string{}, p.Groups...), Attributes: attributes, Admin: p.Admin, Disabled: p.Disabled,
		HasPassword: p.PasswordHash != "", CreatedAt: p.CreatedAt.UTC(), UpdatedAt: p.UpdatedAt.UTC(),
	}
}

func (a *app) printUsers(all []login.Person) error {
	if a.json {
		shown := make([]shownUser, len(all))
		for i, p := range all {
			shown[i] = newShownUser(p)
		}
		return a.printJSON(shown)
	}
	var rows [][]string
	for _, p := range all {
		rows = append(rows, []string{p.Username, p.Email, p.Profile.Name, strings.Join(p.Groups, " "), yes(p.Admin), userState(p)})
	}
	return a.table(`Nobody yet; "signet users create" adds someone.`,
		[]string{"USERNAME", "EMAIL", "NAME", "GROUPS", "ADMINISTRATOR", "STATE"}, rows)
}

func userState(p login.Person) string {
	switch {
	case p.Disabled:
		return "disabled"
	case p.PasswordHash == "":
		return "no password"
	}
	return "enabled"
}

func (a *app) printUser(p login.Person) error {
	if a.json {
		return a.printJSON(newShownUser(p))
	}
	email := p.Email
	if email != "" && p.EmailVerified {
		email += " (verified)"
	}
	return a.pairs(
		pair{"sub", p.ID},
		pair{"username", p.Username},
		pair{"email", email},
		pair{"name", p.Profile.Name},
		pair{"groups", lines(p.Groups)},
		pair{"attributes", lines(attributeLines(p.Attributes))},
		pair{"administrator", yes(p.Admin)},
		pair{"state", userState(p)},
		pair{"created", moment(p.CreatedAt)},
		pair{"updated", moment(p.UpdatedAt)},
	)
}
