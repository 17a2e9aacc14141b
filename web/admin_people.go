package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"signet/authz"
	"signet/authz/login"
)

// personView is a person as scripts see them: the standard claims (OpenID Connect
// Core, section 5.1), username as in RFC 7662, section 2.2, and ours. It never
// holds a password or its hash.
type personView struct {
	Subject       string `json:"sub" doc:"The subject identifier, which never changes."`
	Username      string `json:"username"`
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified" doc:"The operator vouches for the address."`
	login.Profile
	Groups      []string         `json:"groups"`
	Attributes  login.Attributes `json:"attributes,omitempty" doc:"What claims can be taken from beside the standard ones: texts, numbers, true or false, lists of texts."`
	Admin       bool             `json:"admin" doc:"An administrator of this server."`
	Disabled    bool             `json:"disabled" doc:"Cannot sign in, and their grants yield nothing."`
	HasPassword bool             `json:"has_password" doc:"False for someone who cannot sign in yet."`
	CreatedAt   time.Time        `json:"created_at"`
	UpdatedAt   time.Time        `json:"updated_at"`
}

func viewPerson(p *login.Person) personView {
	return personView{
		Subject: p.ID, Username: p.Username, Email: p.Email, EmailVerified: p.EmailVerified, Profile: p.Profile,
		Groups: append([]string{}, p.Groups...), Attributes: p.Attributes, Admin: p.Admin, Disabled: p.Disabled, HasPassword: p.PasswordHash != "",
		CreatedAt: p.CreatedAt.UTC(), UpdatedAt: p.UpdatedAt.UTC(),
	}
}

// personInput is what can be set of a person.
type personInput struct {
	Username      string `json:"username,omitempty" doc:"The name to sign in with."`
	Email         string `json:"email,omitempty" doc:"Signs in too."`
	EmailVerified bool   `json:"email_verified,omitempty" doc:"You vouch for the address."`
	login.Profile
	Groups     []string         `json:"groups,omitempty"`
	Attributes login.Attributes `json:"attributes,omitempty" doc:"Texts, numbers, true or false, and lists of texts, by name."`
	Admin      bool             `json:"admin,omitempty" doc:"An administrator of this server."`
	Disabled   bool             `json:"disabled,omitempty" doc:"Keeps them out: their sessions end, their grants are revoked."`
	Password   string           `json:"password,omitempty" doc:"Never told again; null takes it away. Another one ends their sessions."`
}

func (a *admin) listPeople(in *call) error {
	return sendPage(a, in, func(after string, limit int) ([]login.Person, error) {
		if name := in.query.Get("username"); name != "" {
			return a.personByLogin(in, name)
		}
		return a.Rows.PeoplePage(in.ctx(), after, limit)
	}, func(p *login.Person) string { return p.ID }, viewPerson)
}

// personByLogin is the one person with this name, or nobody.
func (a *admin) personByLogin(in *call, name string) ([]login.Person, error) {
	key, err := login.Key(name)
	if err != nil {
		return nil, nil // a name that nobody can have
	}
	p, err := a.Rows.PersonByLogin(in.ctx(), key)
	if errors.Is(err, login.ErrNotFound) {
		return nil, nil
	}
	return []login.Person{p}, err
}

func (a *admin) showPerson(in *call) error {
	id, err := in.id()
	if err != nil {
		return err
	}
	p, err := a.Rows.Person(in.ctx(), id)
	if err != nil {
		return err
	}
	return in.JSON(http.StatusOK, viewPerson(&p))
}

func (a *admin) createPerson(in *call) error {
	v, err := readPerson(in.doc.value())
	if err != nil {
		return err
	}
	p, err := a.People.CreatePerson(in.ctx(), login.NewPerson{
		Username: v.Username, Email: v.Email, EmailVerified: v.EmailVerified, Password: v.Password,
		Profile: v.Profile, Groups: v.Groups, Attributes: v.Attributes, Admin: v.Admin,
	})
	if err != nil {
		return err
	}
	if v.Disabled {
		if p, err = a.People.UpdatePerson(in.ctx(), p.ID, func(p *login.Person) error { p.Disabled = true; return nil }); err != nil {
			return err
		}
	}
	a.audit(in, "person created", "person_created", p.ID, named(in.doc))
	return a.created(in, "/people", p.ID, viewPerson(&p))
}

// readPerson reads fields whose shapes were checked, but for the values of
// attributes, which may be of several.
func readPerson(value any) (personInput, error) {
	var v personInput
	raw, err := json.Marshal(value)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, invalidFields([]fieldFault{{"attributes", clip(err.Error(), 200)}})
	}
	return v, nil
}

func (a *admin) updatePerson(in *call) error {
	id, err := in.id()
	if err != nil {
		return err
	}
	hash := ""
	if password := in.doc.text("password"); password != nil {
		if hash, err = a.People.HashPassword(in.ctx(), *password); err != nil {
			return err
		}
	}
	wasDisabled := false
	p, err := a.People.UpdatePerson(in.ctx(), id, func(p *login.Person) error {
		wasDisabled = p.Disabled
		if in.doc.has("password") {
			p.PasswordHash = hash
		}
		return changePerson(p, in.doc.without("password"))
	})
	if err != nil {
		return err
	}
	if !p.Disabled || wasDisabled {
		a.audit(in, "person updated", "person_updated", id, named(in.doc))
	} else {
		a.audit(in, "person disabled", "person_disabled", id, named(in.doc))
	}
	if in.doc.has("password") && !p.Disabled {
		// Whoever had the old one is signed out.
		if _, err := a.endSessionsOf(in, id); err != nil {
			return err
		}
	}
	// Also when they were disabled before: what failed the last time is done now.
	if p.Disabled && in.doc.has("disabled") {
		if err := a.shutOut(in, id); err != nil {
			return err
		}
	}
	return in.JSON(http.StatusOK, viewPerson(&p))
}

// changePerson carries out a merge patch (RFC 7396).
func changePerson(p *login.Person, patch document) error {
	before, err := json.Marshal(personInput{
		Username: p.Username, Email: p.Email, EmailVerified: p.EmailVerified, Profile: p.Profile,
		Groups: p.Groups, Attributes: p.Attributes, Admin: p.Admin, Disabled: p.Disabled,
	})
	if err != nil {
		return err
	}
	v, err := readPerson(merged(decoded(before), patch.value()))
	if err != nil {
		return err
	}
	p.Username, p.Email, p.EmailVerified, p.Profile = v.Username, v.Email, v.EmailVerified, v.Profile
	p.Groups, p.Attributes, p.Admin, p.Disabled = v.Groups, v.Attributes, v.Admin, v.Disabled
	return nil
}

// shutOut ends what a person who was disabled has open. No check of ours takes
// any of it any more; this tells those who check on their own.
func (a *admin) shutOut(in *call, id string) error {
	if _, err := a.endSessionsOf(in, id); err != nil {
		return err
	}
	_, err := a.core.RevokeGrants(in.ctx(), authz.GrantFilter{Subject: id}, "the person was disabled")
	return err
}
