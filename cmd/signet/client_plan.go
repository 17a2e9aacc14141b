package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"signet/clients"
	"signet/cmd/signet/config"
)

// What apply does with a client.
const (
	applyCreate    = "create"
	applyUpdate    = "update"
	applyDelete    = "delete"
	applyUnchanged = "unchanged"
)

// applyStep is what is done with one client, and what was done.
type applyStep struct {
	id       string
	declared *config.Client
	old      *clients.Client
	// secret is that of client_secret_file. rotates says that it replaces another,
	// makesSecret that there is none and one is made.
	secret               *string
	rotates, makesSecret bool

	Action  string
	Changes []fieldChange
	// Secret was made and is shown once; SecretFile is where it was written.
	Secret, SecretFile string
	Revoked            int
}

// fieldChange is a field before and after, nil where it is empty.
type fieldChange struct {
	Field string `json:"field"`
	Old   any    `json:"old"`
	New   any    `json:"new"`
}

// changesFields reports whether more than a secret changes.
func (s *applyStep) changesFields() bool {
	return slices.ContainsFunc(s.Changes, func(c fieldChange) bool { return c.Field != "client_secret" }) || s.makesSecret || s.firstSecret() != nil
}

// firstSecret is the given secret of a client that had none before.
func (s *applyStep) firstSecret() *string {
	if s.rotates || s.old == nil || len(s.old.Secrets) > 0 {
		return nil
	}
	return s.secret
}

// applyPlan compares files with what is stored.
type applyPlan struct {
	app    *app
	cfg    *config.Config
	flags  *applyFlags
	stored []clients.Client
	faults config.Faults
}

// make returns a step for each client, or every fault there is.
func (p *applyPlan) make(declared []config.Client) ([]applyStep, error) {
	var steps []applyStep
	named := map[string]bool{}
	for i := range declared {
		d := &declared[i]
		if named[d.ClientID] {
			p.faults = append(p.faults, d.Fault("client_id", "%q is declared twice; each client_id stands once", d.ClientID))
			continue
		}
		named[d.ClientID] = true
		steps = append(steps, p.step(d))
	}
	for i := range p.stored {
		if c := &p.stored[i]; p.flags.prune && c.Source == clients.SourceFile && !named[c.ID] && !p.cfg.Declares(c.ID) {
			steps = append(steps, applyStep{id: c.ID, old: c, Action: applyDelete})
		}
	}
	if len(p.faults) > 0 {
		return nil, p.faults
	}
	return steps, nil
}

func (p *applyPlan) step(d *config.Client) applyStep {
	s := applyStep{id: d.ClientID, declared: d, Action: applyCreate}
	next := clients.Client{ID: d.ClientID}
	if i := slices.IndexFunc(p.stored, func(c clients.Client) bool { return c.ID == d.ClientID }); i >= 0 {
		s.old, s.Action = &p.stored[i], applyUpdate
		next = *s.old
		next.Localized = maps.Clone(next.Localized)
	}
	before := next
	if reason := p.foreign(s.id, s.old); reason != "" {
		p.fault(d, "client_id", reason)
		return s
	}
	if err := d.Apply(&next); err != nil {
		p.fieldFaults(d, err)
		return s
	}
	if s.old == nil {
		next.Fill()
	}
	next.Source = clients.SourceFile
	p.secret(d, &s, &next)
	p.fieldFaults(d, next.Validate())
	changed := changedFields(&before, &next, s.old == nil)
	p.fieldFaults(d, p.cfg.CheckClient(&next, func(field string) bool {
		return slices.ContainsFunc(changed, func(c fieldChange) bool { return c.Field == field })
	}))
	s.Changes = append(changed, s.Changes...)
	if s.old != nil && len(s.Changes) == 0 {
		s.Action = applyUnchanged
	}
	return s
}

// foreign says why the client is not one for a file to change, or "".
func (p *applyPlan) foreign(id string, old *clients.Client) string {
	switch {
	case p.cfg.Declares(id):
		return fmt.Sprintf("%q is declared in %s; change it there, or take it out of one of the two", id, p.cfg.File)
	case old == nil || old.Source == clients.SourceFile:
		return ""
	case old.Source == clients.SourceConfig:
		return fmt.Sprintf("%q was declared in the configuration, which has dropped it; \"signet clients delete %s\" makes room for another", id, id)
	case old.Source == clients.SourceDynamic || old.Source == clients.SourceDocument:
		return fmt.Sprintf("%q registered itself; a file cannot take it over", id)
	case !p.flags.adopt:
		return fmt.Sprintf("%q was made by other means (%s); give --adopt to have files say what it is from now on, or take it out here", id, old.Source)
	}
	return ""
}

// givenSecret reads the client_secret_file, nil when none is named or it cannot be
// used, which is a fault.
func (p *applyPlan) givenSecret(d *config.Client, next *clients.Client) *string {
	const key = "client_secret_file"
	file := d.ClientSecretFile
	if file == "" {
		return nil
	}
	if !next.NeedsSecret() {
		p.fault(d, key, "is set, but a client with token_endpoint_auth_method "+next.TokenEndpointAuthMethod+" has no secret; take one of the two out")
		return nil
	}
	plain, err := config.ReadSecretFile(file)
	if err != nil {
		p.fault(d, key, err.Error()+"; put the file there, or change the path")
		return nil
	}
	if _, err := clients.HashSecret(nil, plain, time.Time{}); err != nil {
		for _, fe := range config.FieldErrors(err) {
			p.fault(d, key, "the secret in "+file+" "+fe.Reason)
		}
		return nil
	}
	return &plain
}

// secret decides what becomes of the client's secret, and gives next one to be
// validated with.
func (p *applyPlan) secret(d *config.Client, s *applyStep, next *clients.Client) {
	s.secret = p.givenSecret(d, next)
	had := len(next.Secrets) > 0
	switch {
	case !next.NeedsSecret():
		if had {
			s.Changes = append(s.Changes, fieldChange{Field: "client_secret", Old: "a secret"})
		}
		next.Secrets = nil
	case had && s.secret != nil && !next.CheckSecret(*s.secret, p.app.now()):
		s.rotates = true
		s.Changes = append(s.Changes, fieldChange{Field: "client_secret", Old: "a secret", New: "the one in " + d.ClientSecretFile})
	case had:
	case s.secret != nil:
		next.Secrets = []clients.Secret{clients.DummySecret()}
		s.Changes = append(s.Changes, fieldChange{Field: "client_secret", New: "the one in " + d.ClientSecretFile})
	default:
		s.makesSecret = d.ClientSecretFile == ""
		next.Secrets = []clients.Secret{clients.DummySecret()}
		s.Changes = append(s.Changes, fieldChange{Field: "client_secret", New: "one that is made"})
		p.roomForSecret(d)
	}
}

// roomForSecret refuses to write a secret over another file.
func (p *applyPlan) roomForSecret(d *config.Client) {
	dir := p.flags.secretsDir
	if dir == "" {
		return
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		p.fault(d, "client_id", fmt.Sprintf("its secret cannot be kept: --secrets-dir %s is no folder; make it first", dir))
		return
	}
	name := secretFile(dir, d.ClientID)
	switch _, err := os.Lstat(name); {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		p.fault(d, "client_id", fmt.Sprintf("its secret cannot be kept: %v; give it a client_secret_file", err))
	default:
		p.fault(d, "client_id", fmt.Sprintf("its secret cannot be kept: %s is there already; name it as client_secret_file, or take it away", name))
	}
}

// secretFile is where a secret that is made is written. An id may hold any
// printable character.
func secretFile(dir, id string) string {
	name := url.PathEscape(id)
	if name == "." || name == ".." {
		name = "%2E" + name[1:]
	}
	return filepath.Join(dir, name)
}

func (p *applyPlan) fault(d *config.Client, field, text string) {
	p.faults = append(p.faults, d.Fault(field, "%s", text))
}

func (p *applyPlan) fieldFaults(d *config.Client, err error) {
	for _, fe := range config.FieldErrors(err) {
		p.fault(d, fe.Field, fe.Reason)
	}
}

// changedFields compares two clients as the world sees them. Of a new client
// whatever it has is a change.
func changedFields(before, after *clients.Client, isNew bool) []fieldChange {
	old, now := before.Metadata(), after.Metadata()
	if isNew {
		old = nil
	}
	var changes []fieldChange
	for _, m := range now {
		if m.Name == "client_id" || clients.ReadOnly(m.Name) && m.Name != "source" {
			continue
		}
		if was := old.Get(m.Name); jsonText(was) != jsonText(m.Value) && !(isNew && isEmpty(m.Value)) {
			changes = append(changes, fieldChange{m.Name, was, m.Value})
		}
	}
	for _, m := range old {
		if !clients.ReadOnly(m.Name) && now.Get(m.Name) == nil {
			changes = append(changes, fieldChange{m.Name, m.Value, nil})
		}
	}
	return changes
}

// isEmpty reports whether a value is what a client has that was told nothing.
func isEmpty(v any) bool {
	switch jsonText(v) {
	case "[]", "false", `""`:
		return true
	}
	return false
}

// jsonText is a value of metadata as JSON.
func jsonText(v any) string {
	doc, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(doc)
}
