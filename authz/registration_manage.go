package authz

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"signet/clients"
)

// reasonDeletedItself is why the grants of such a client are revoked.
const reasonDeletedItself = "the client deleted its registration"

// ManageRegistration is the client configuration endpoint (RFC 7592, section
// 2): GET shows a registration, PUT replaces it, DELETE ends it. The path value
// "client" is the client_id. A wrong token and an unknown client look the same.
func (p *Provider) ManageRegistration(w http.ResponseWriter, r *http.Request) {
	token, c, err := p.managed(r)
	if err == nil {
		switch r.Method {
		case http.MethodPut:
			var answer clients.Metadata
			if answer, err = p.replaceRegistration(r, token, c); err == nil {
				writeJSON(w, answer)
			}
		case http.MethodDelete:
			if err = p.deleteRegistration(r.Context(), c); err == nil {
				noStore(w.Header())
				w.WriteHeader(http.StatusNoContent)
			}
		default:
			writeJSON(w, p.clientInformation(c, token))
		}
	}
	if err != nil {
		p.writeErrorOf(w, r, registerPath+"/:client", err)
	}
}

// managed finds the client that the request is about, if its token is that of
// the client. One that an operator has disabled manages nothing.
func (p *Provider) managed(r *http.Request) (token string, _ *clients.Client, _ error) {
	token, err := p.registrationBearer(r)
	if err != nil {
		return "", nil, err
	}
	bad := p.bearer(refuse(CodeInvalidToken, "The registration access token is not that of this client, or there is no such client."))
	if !isRegistrationToken(token, registrationPrefix) || p.cfg.Registration.Store == nil {
		return "", nil, bad
	}
	c, err := p.cfg.Registration.Store.Client(r.Context(), r.PathValue("client"))
	if err != nil && !errors.Is(err, clients.ErrNotFound) {
		return "", nil, err
	}
	same := subtle.ConstantTimeCompare([]byte(hashRegistrationToken(token)), []byte(c.RegistrationTokenHash)) == 1
	if err != nil || !same || c.Disabled || c.Source != clients.SourceDynamic {
		return "", nil, bad
	}
	return token, &c, nil
}

// replaceRegistration replaces all that a client says about itself, and nothing
// that an operator says (RFC 7592, section 2.2).
func (p *Provider) replaceRegistration(r *http.Request, token string, c *clients.Client) (clients.Metadata, error) {
	ctx := r.Context()
	if wait, ok := p.registrations.changes.take(addressKey(remoteOf(ctx)), p.now()); !ok {
		return nil, tooMany(wait, "Too many changes came from this address. Try again in %s.")
	}
	doc, err := readJSON(r)
	if err != nil {
		return nil, err
	}
	next, intro, err := p.introduce(ctx, doc, *c)
	if err != nil {
		return nil, err
	}
	if err := p.checkIdentity(c, &intro); err != nil {
		return nil, err
	}
	made, err := p.registry(nil).Update(ctx, c.ID, nil, func(stored *clients.Client) error {
		if stored.RegistrationTokenHash != c.RegistrationTokenHash || stored.Disabled {
			return errManagedMeanwhile
		}
		return copySelf(stored, &next)
	})
	switch {
	case errors.Is(err, clients.ErrNotFound), errors.Is(err, clients.ErrDeclared), errors.Is(err, errManagedMeanwhile):
		return nil, p.bearer(refuse(CodeInvalidToken, "The registration access token is not that of this client, or there is no such client.").because(err))
	case err != nil:
		return nil, metadataError(err)
	}
	p.auditRegistration(ctx, eventClientChanged, "audit: client changed itself", &made.Client, nil)
	return p.registeredInformation(&made, token, intro.statement), nil
}

// errManagedMeanwhile says that an operator took the client away between the
// check of the token and the change.
var errManagedMeanwhile = errors.New("the registration has changed hands")

// checkIdentity checks that a replacement is meant for this client: it has to
// name its client_id, and its secret if it names one (RFC 7592, section 2.2).
func (p *Provider) checkIdentity(c *clients.Client, intro *introduction) error {
	if intro.text("client_id") != c.ID {
		return metadataError(&clients.FieldError{Field: "client_id", Reason: "must be given, and be that of the client in the path"})
	}
	if intro.names("client_secret") && !c.CheckSecret(intro.text("client_secret"), p.now()) {
		return metadataError(&clients.FieldError{Field: "client_secret", Reason: "is not that of the client; leave it out, a client cannot choose its secret"})
	}
	return nil
}

// copySelf copies what a client says about itself, and what follows from it.
func copySelf(to, from *clients.Client) error {
	for _, f := range clients.Fields() {
		if !f.Self {
			continue
		}
		value, err := json.Marshal(f.Value(from))
		if err != nil {
			return err
		}
		if err := f.Set(to, value); err != nil {
			return err
		}
	}
	to.Localized = from.Localized
	to.AllowLocalhost = to.AllowLocalhost || from.AllowLocalhost
	if to.Consent == "" {
		to.Consent = from.Consent
	}
	if strings.TrimSpace(to.Name) == "" {
		to.Name = to.ID
	}
	return nil
}

// deleteRegistration ends a registration. Its grants are revoked before, so
// that a failure can be tried again, and after, for those that people gave
// meanwhile.
func (p *Provider) deleteRegistration(ctx context.Context, c *clients.Client) error {
	grants := GrantFilter{ClientID: c.ID}
	if _, err := p.RevokeGrants(ctx, grants, reasonDeletedItself); err != nil {
		return err
	}
	if err := p.cfg.Registration.Store.DeleteClient(ctx, c.ID); err != nil && !errors.Is(err, clients.ErrNotFound) {
		return err
	}
	if _, err := p.RevokeGrants(ctx, grants, reasonDeletedItself); err != nil {
		return err
	}
	p.auditRegistration(ctx, eventClientDeleted, "audit: client deleted itself", c, nil)
	return nil
}
