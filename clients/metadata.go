package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Metadata is a client as scripts see it: members under the names of RFC 7591,
// sections 2 and 3.2.1, with our own beside them, in the order of Fields. It
// never holds a stored secret.
type Metadata []Member

// Member is one member of Metadata.
type Member struct {
	Name  string
	Value any
}

// MarshalJSON writes one object.
func (m Metadata) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, member := range m {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(member.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(member.Value)
		if err != nil {
			return nil, fmt.Errorf("client metadata %s: %w", member.Name, err)
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Get returns the value of a member, nil when it is not there.
func (m Metadata) Get(name string) any {
	for _, member := range m {
		if member.Name == name {
			return member.Value
		}
	}
	return nil
}

// With returns m with a member at its end, or in the place of the one with the
// same name. It is for what is told once, such as a secret that was just made.
func (m Metadata) With(name string, value any) Metadata {
	m = slices.Clone(m)
	if i := slices.IndexFunc(m, func(o Member) bool { return o.Name == name }); i >= 0 {
		m[i].Value = value
		return m
	}
	return append(m, Member{name, value})
}

// Metadata returns the client as scripts see it. Lists are never null. A
// client that may authenticate in any way has no token_endpoint_auth_method,
// which the RFC reads as client_secret_basic. client_secret_expires_at is 0
// for never, as in the RFC, and tells of the newest secret.
func (c *Client) Metadata() Metadata {
	m := Metadata{{"client_id", c.ID}}
	if issued := unix(c.CreatedAt); issued != 0 {
		m = append(m, Member{"client_id_issued_at", issued})
	}
	if len(c.Secrets) > 0 {
		newest := slices.MaxFunc(c.Secrets, func(a, b Secret) int { return a.CreatedAt.Compare(b.CreatedAt) })
		m = append(m, Member{"client_secret_expires_at", unix(newest.ExpiresAt)})
	}
	for _, f := range fieldTable() {
		switch v := f.shownValue(c); {
		case v != nil:
			m = append(m, Member{f.Name, v})
		}
		if f.Name == "grant_types" {
			m = append(m, Member{"response_types", c.ResponseTypes()})
		}
		if f.Localized {
			for _, name := range slices.Sorted(maps.Keys(c.Localized)) {
				if base, _, _ := bytes.Cut([]byte(name), []byte("#")); string(base) == f.Name {
					m = append(m, Member{name, c.Localized[name]})
				}
			}
		}
	}
	return append(m, Member{"source", c.Source})
}

// shownValue is what Metadata says of the field, nil for nothing.
func (f *Field) shownValue(c *Client) any {
	v := f.get(c)
	switch {
	case f.Name == "access_token_status_list":
		return c.StatusListed()
	case v != nil || !f.always:
		return v
	case f.Kind == Bool:
		return false
	case f.Kind == List:
		return []string{}
	}
	return ""
}

// ResponseTypes are those that go with the client's grant types (RFC 7591,
// section 2.1).
func (c *Client) ResponseTypes() []string {
	if c.GrantAllowed(GrantAuthorizationCode) {
		return []string{"code"}
	}
	return []string{}
}

// sameValue reports whether two values of Metadata are equal in JSON.
func sameValue(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// unix returns t in seconds since 1970, and 0 for the zero time.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
