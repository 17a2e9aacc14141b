package server

import (
	"fmt"
	"os"

	"signet/authz"
	"signet/authz/store"
	"signet/cmd/signet/config"
)

// registrationOf is who may register clients, as the configuration says.
func registrationOf(cfg *config.Config, st *store.Store) (authz.Registration, error) {
	c := cfg.Registration
	r := authz.Registration{
		Mode: c.Mode, Store: st, Scopes: c.Scopes, Audiences: c.Audiences, AllowLocalhost: c.AllowLocalhost,
		PerAddress: c.PerAddress, PerMinute: c.PerMinute, MaxUnused: c.MaxUnused,
	}
	for _, t := range c.TrustedStatements {
		trusted := authz.TrustedStatement{Issuer: t.Issuer, JWKSURI: t.JWKSURI}
		if t.JWKSFile != "" {
			set, err := os.ReadFile(t.JWKSFile)
			if err != nil {
				return r, fmt.Errorf("registration.trusted_statements: cannot read the keys of %s: %w", t.Issuer, err)
			}
			trusted.JWKS = set
		}
		r.Statements = append(r.Statements, trusted)
	}
	return r, nil
}
