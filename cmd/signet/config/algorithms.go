package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"signet/clients"
)

// requiredAlgorithm is the one that every OpenID Provider signs ID tokens
// with (OpenID Connect Core, section 15.1; Discovery, section 3).
const requiredAlgorithm = "RS256"

// SigningFaults returns what a client asks for and keys.algorithms does not
// have, by the client's fields. Names that no release knows are for
// clients.Client.Validate to refuse.
func (c *Config) SigningFaults(client *clients.Client) []*clients.FieldError {
	var faults []*clients.FieldError
	for _, f := range []struct{ field, alg string }{
		{"id_token_signed_response_alg", client.IDTokenSignedResponseAlg},
		{"userinfo_signed_response_alg", client.UserinfoSignedResponseAlg},
		{"access_token_signed_response_alg", client.AccessTokenSignedResponseAlg},
		{"userinfo_signed_response_alg", client.UserinfoSignedResponseAlg},
	} {
		if clients.CheckSigningAlgorithm(f.alg) == nil && !slices.Contains(c.Keys.Algorithms, f.alg) {
			faults = append(faults, &clients.FieldError{
				Field:  f.field,
				Reason: fmt.Sprintf("%q is not among keys.algorithms (%s); add it there, or choose one of those", f.alg, strings.Join(c.Keys.Algorithms, ", ")),
			})
		}
	}
	return faults
}

// CheckClient refuses what a client asks for and this server is not set up for,
// as clients.RegistryConfig wants it. What was there before, and is not named, must
// not stand in the way of another change.
func (c *Config) CheckClient(client *clients.Client, named func(field string) bool) error {
	var errs []error
	for _, fault := range c.SigningFaults(client) {
		if named(fault.Field) {
			errs = append(errs, fault)
		}
	}
	return errors.Join(errs...)
}

// algorithms checks keys.algorithms.
func (v *validator) algorithms() {
	const path = "keys.algorithms"
	list := v.cfg.Keys.Algorithms
	if len(list) == 0 {
		v.fault(path, "is empty; tokens are never unsigned: write [%s], or take the line out for the same", requiredAlgorithm)
	}
	for i, name := range list {
		if err := clients.CheckSigningAlgorithm(name); err != nil {
			v.fault(path, "%q %s", name, err)
		} else if slices.Contains(list[:i], name) {
			v.fault(path, "%q is listed twice", name)
		}
	}
}

func (v *validator) algorithmWarning() {
	if v.sound("keys.algorithms") && !slices.Contains(v.cfg.Keys.Algorithms, requiredAlgorithm) {
		v.cfg.Warnings = append(v.cfg.Warnings, "keys.algorithms has no "+requiredAlgorithm+
			": OpenID Connect requires it of every server, and many apps and APIs know nothing else")
	}
}
