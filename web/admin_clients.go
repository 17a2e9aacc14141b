package web

import (
	"encoding/json"
	"net/http"
	"time"

	"signet/authz"
	"signet/clients"
)

// defaultOverlap is for how many seconds an old secret goes on beside a new one:
// a day, in which somebody can carry it to every place that has the old one.
const defaultOverlap = 24 * 60 * 60

// byAdminAPI is why a grant was revoked.
const byAdminAPI = "revoked through the admin API"

func (a *admin) listClients(in *call) error {
	return sendPage(a, in, func(after string, limit int) ([]clients.Client, error) {
		return a.Clients.ClientsPage(in.ctx(), after, limit)
	}, func(c *clients.Client) string { return c.ID }, (*clients.Client).Metadata)
}

func (a *admin) showClient(in *call) error {
	id, err := in.id()
	if err != nil {
		return err
	}
	c, err := a.Clients.Client(in.ctx(), id)
	if err != nil {
		return err
	}
	return in.JSON(http.StatusOK, c.Metadata())
}

func (a *admin) createClient(in *call) error {
	c := clients.Client{Source: clients.SourceAPI}
	if id := in.doc.text("client_id"); id != nil {
		c.ID = *id
	}
	doc, err := in.doc.without("client_id", "client_secret").marshal()
	if err != nil {
		return err
	}
	if err := c.Patch(doc, clients.Operator); err != nil {
		return err
	}
	r, err := a.Registry.Create(in.ctx(), c, in.doc.text("client_secret"))
	if err != nil {
		return err
	}
	a.audit(in, "client created", "client_created", r.Client.ID, named(in.doc))
	return a.created(in, "/clients", r.Client.ID, withSecret(r))
}

// withSecret is a client with the secret that it was just given, if it was.
func withSecret(r clients.Registered) clients.Metadata {
	if r.Secret == "" {
		return r.Client.Metadata()
	}
	return r.Client.Metadata().With("client_secret", r.Secret)
}

func (a *admin) updateClient(in *call) error {
	id, err := in.id()
	if err != nil {
		return err
	}
	r, err := a.Registry.Update(in.ctx(), id, nil, func(c *clients.Client) error {
		doc, err := mergedFields(c, in.doc)
		if err != nil {
			return err
		}
		return c.Patch(doc, clients.Operator)
	})
	if err != nil {
		return err
	}
	a.audit(in, "client updated", "client_updated", id, named(in.doc))
	return in.JSON(http.StatusOK, withSecret(r))
}

// mergedFields carries out the merge patch in the fields that are objects (RFC
// 7396): Client.Patch replaces the whole of a field.
func mergedFields(c *clients.Client, patch document) ([]byte, error) {
	out := patch.without()
	for name, raw := range patch {
		f, ok := clients.FieldNamed(name)
		if !ok || f.Kind != clients.Object || string(raw) == "null" {
			continue
		}
		before, err := json.Marshal(f.Value(c))
		if err != nil {
			return nil, err
		}
		if out[name], err = json.Marshal(merged(decoded(before), decoded(raw))); err != nil {
			return nil, err
		}
	}
	return out.marshal()
}

// deleteClient revokes the grants before the client is gone, so that tokens of
// them stand in the status lists, and after, for those that were made meanwhile.
func (a *admin) deleteClient(in *call) error {
	id, err := in.id()
	if err != nil {
		return err
	}
	c, err := a.Clients.Client(in.ctx(), id)
	if err != nil {
		return err
	}
	if c.Source == clients.SourceConfig {
		return clients.ErrDeclared
	}
	revoke := func() error {
		_, err := a.core.RevokeGrants(in.ctx(), authz.GrantFilter{ClientID: id}, "the client was deleted")
		return err
	}
	if err := revoke(); err != nil {
		return err
	}
	if err := a.Clients.DeleteClient(in.ctx(), id); err != nil {
		return err
	}
	a.audit(in, "client deleted", "client_deleted", id)
	if err := revoke(); err != nil {
		return err
	}
	return in.NoContent(http.StatusNoContent)
}

func (a *admin) rotateSecret(in *call) error {
	id, err := in.id()
	if err != nil {
		return err
	}
	overlap := int64(defaultOverlap)
	if raw := in.doc["overlap"]; raw != nil {
		const most = 365 * 24 * 60 * 60
		if err := json.Unmarshal(raw, &overlap); err != nil || overlap < 0 || overlap > most {
			return invalidFields([]fieldFault{{"overlap", "must be 0 to 31536000 seconds, a year"}})
		}
	}
	r, err := a.Registry.RotateSecret(in.ctx(), id, in.doc.text("client_secret"), time.Duration(overlap)*time.Second)
	if err != nil {
		return err
	}
	a.audit(in, "client secret rotated", "client_secret_rotated", id)
	return in.JSON(http.StatusOK, withSecret(r))
}
