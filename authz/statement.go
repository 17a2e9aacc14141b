package authz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"signet/authz/fetch"
	"signet/clients"
	"signet/keys"
)

const (
	// statementKeysFor is how long the keys of an issuer of software statements
	// are kept, and statementKeysAgain how soon they may be fetched again for a
	// statement that they do not verify.
	statementKeysFor   = 10 * time.Minute
	statementKeysAgain = time.Minute
	// statementSkew is how far the clocks of two parties may differ.
	statementSkew = time.Minute
)

// TrustedStatement is an issuer of software statements (RFC 7591, section 2.3).
type TrustedStatement struct {
	// Issuer is the `iss` of its statements.
	Issuer string
	// JWKS holds its keys (RFC 7517), and JWKSURI is where they can be fetched:
	// one of the two.
	JWKS    []byte
	JWKSURI string
}

// statementClaims are the claims of a statement that say whether it counts.
type statementClaims struct {
	Issuer    string   `json:"iss"`
	Expires   *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
}

// believe puts the claims of a software statement over what the client says.
// Where no issuer is trusted, statements are not understood, and so ignored
// (RFC 7591, section 2.3).
func (p *Provider) believe(ctx context.Context, c *clients.Client, intro *introduction) error {
	if !intro.names("software_statement") || len(p.cfg.Registration.Statements) == 0 {
		return nil
	}
	token := intro.text("software_statement")
	payload, err := p.registrations.statements.verify(ctx, token)
	if err != nil {
		return err
	}
	if err := c.Patch(payload, clients.Itself); err != nil {
		return documentError(err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(payload, &members); err != nil {
		return invalidStatement("holds no JSON object").because(err)
	}
	maps.DeleteFunc(members, func(name string, _ json.RawMessage) bool {
		return name == "software_statement" || name == "client_id" || name == "client_secret"
	})
	// A name in another language would be shown in the place of the one that the
	// issuer vouches for.
	maps.DeleteFunc(c.Localized, func(name, _ string) bool {
		base, _, _ := strings.Cut(name, "#")
		_, vouched := members[base]
		_, itself := members[name]
		return vouched && !itself
	})
	maps.Copy(intro.members, members)
	intro.statement = token
	return nil
}

func invalidStatement(reason string) *Error {
	return refuse(CodeInvalidSoftwareStatement, "The software statement %s.", reason)
}

// statements verifies software statements.
type statements struct {
	trusted []TrustedStatement
	fetch   Fetcher
	now     func() time.Time

	mu   sync.Mutex
	sets map[string]statementKeys // by issuer
}

type statementKeys struct {
	set     []byte
	fetched time.Time
}

func newStatements(trusted []TrustedStatement, f Fetcher, now func() time.Time) *statements {
	return &statements{trusted: trusted, fetch: f, now: now, sets: map[string]statementKeys{}}
}

// verify returns the claims of a statement that counts.
func (s *statements) verify(ctx context.Context, token string) ([]byte, error) {
	claimed, err := keys.UnverifiedPayload(token)
	if err != nil {
		return nil, invalidStatement("is not a signed JWT").because(err)
	}
	var c statementClaims
	if json.Unmarshal(claimed, &c) != nil {
		return nil, invalidStatement("holds no JSON object")
	}
	i := slices.IndexFunc(s.trusted, func(t TrustedStatement) bool { return t.Issuer == c.Issuer })
	if i < 0 {
		return nil, refuse(CodeUnapprovedSoftwareStatement, "The issuer of the software statement is not trusted here.").
			compared(s.issuers(), clip(c.Issuer))
	}
	if err := s.verifyBy(ctx, s.trusted[i], token); err != nil {
		return nil, err
	}
	now := s.now()
	switch {
	case c.Expires != nil && now.After(numericDate(*c.Expires).Add(statementSkew)):
		return nil, invalidStatement("has expired")
	case c.NotBefore != nil && now.Before(numericDate(*c.NotBefore).Add(-statementSkew)):
		return nil, invalidStatement("is not valid yet")
	}
	return claimed, nil
}

// numericDate is a time as a JWT has it (RFC 7519, section 2), within bounds.
func numericDate(seconds float64) time.Time {
	const most = 1 << 40
	return time.Unix(int64(min(max(seconds, -most), most)), 0)
}

func (s *statements) issuers() string {
	names := make([]string, len(s.trusted))
	for i, t := range s.trusted {
		names[i] = t.Issuer
	}
	return strings.Join(names, " ")
}

// verifyBy verifies by the keys of one issuer, which are fetched again, not too
// often, when they do not fit: the issuer may have new ones.
func (s *statements) verifyBy(ctx context.Context, t TrustedStatement, token string) error {
	var failed error
	for _, age := range []time.Duration{statementKeysFor, statementKeysAgain} {
		set, err := s.keySet(ctx, t, age)
		if err != nil {
			return invalidStatement("cannot be verified now: the keys of its issuer could not be fetched").because(err)
		}
		parsed, err := keys.ParseJWKS(set)
		if err == nil {
			err = parsed.Verify(token)
		}
		if err == nil {
			return nil
		}
		failed = err
		if t.JWKSURI == "" || errors.Is(err, keys.ErrMalformed) {
			break
		}
	}
	return invalidStatement("is not signed by its issuer").because(failed)
}

// keySet returns the keys of an issuer, no older than age.
func (s *statements) keySet(ctx context.Context, t TrustedStatement, age time.Duration) ([]byte, error) {
	if t.JWKSURI == "" {
		return t.JWKS, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock() // one fetch at a time is enough
	now := s.now()
	if have, ok := s.sets[t.Issuer]; ok && now.Sub(have.fetched) < age {
		return have.set, nil
	}
	if s.fetch == nil {
		return nil, errors.New("there is nothing to fetch with")
	}
	res, err := s.fetch.Do(ctx, fetch.Request{URL: t.JWKSURI})
	if err == nil && res.Status != http.StatusOK {
		err = fmt.Errorf("%s answers %d", t.JWKSURI, res.Status)
	}
	if err != nil {
		return nil, err
	}
	s.sets[t.Issuer] = statementKeys{set: res.Body, fetched: now}
	return res.Body, nil
}
