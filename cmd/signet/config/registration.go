package config

import (
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"signet/authz"
	"signet/clients"
	"signet/keys"
)

// Registration holds the rules for clients that introduce themselves (RFC 7591,
// and Client ID Metadata Documents).
type Registration struct {
	// Mode is off, invite or open.
	Mode string `config:"mode"`
	// Scopes are what such clients may ask for.
	Scopes []string `config:"scopes,words"`
	// Audiences are the resources that they may get tokens for; none is the
	// issuer itself.
	Audiences []string `config:"audiences"`
	// AllowLocalhost lets their redirect URIs name http://localhost.
	AllowLocalhost bool `config:"allow_localhost"`
	// PerAddress and PerMinute bound the registrations that one node takes in a
	// minute, from one address and from all.
	PerAddress int `config:"per_address"`
	PerMinute  int `config:"per_minute"`
	// MaxUnused bounds those that nobody signed in through.
	MaxUnused int `config:"max_unused"`
	// UnusedTTL is when one that nobody uses is removed; 0 is never.
	UnusedTTL time.Duration `config:"unused_ttl"`
	// TrustedStatements are the issuers of software statements that count.
	TrustedStatements []TrustedStatement `config:"trusted_statements"`
}

// TrustedStatement is an issuer of software statements (RFC 7591, section 2.3).
type TrustedStatement struct {
	// Issuer is the `iss` of its statements.
	Issuer string `config:"issuer"`
	// JWKSURI is where its public keys are fetched, JWKSFile a file that holds
	// them: one of the two.
	JWKSURI  string `config:"jwks_uri"`
	JWKSFile string `config:"jwks_file,path"`
}

func defaultRegistration() Registration {
	return Registration{
		Mode: authz.RegistrationOff, Scopes: []string{"openid", "profile", "email", "offline_access"}, AllowLocalhost: true,
		PerAddress: 10, PerMinute: 60, MaxUnused: 1000, UnusedTTL: 30 * day,
	}
}

// adminScopes begin with this: nobody gives them to a stranger.
const adminScopes = "signet:"

func (v *validator) registration() {
	r := v.cfg.Registration
	v.oneOf("registration.mode", r.Mode, authz.RegistrationOff, authz.RegistrationInvite, authz.RegistrationOpen)
	for i, s := range r.Scopes {
		parsed, err := clients.ParseScope(s)
		switch {
		case err != nil || !slices.Equal(parsed, []string{s}):
			v.fault("registration.scopes", "%q is not a scope: only printable ASCII without spaces, quotes and backslashes (RFC 6749, section 3.3)", s)
		case strings.HasPrefix(s, adminScopes):
			v.fault("registration.scopes", "%q administers this server; register a client for it yourself, with \"signet clients create\"", s)
		case slices.Contains(r.Scopes[:i], s):
			v.fault("registration.scopes", "%q is listed twice; take one out", s)
		}
	}
	v.registrationAudiences()
	for _, limit := range []struct {
		key     string
		n, most int
	}{{"per_address", r.PerAddress, 100_000}, {"per_minute", r.PerMinute, 1_000_000}, {"max_unused", r.MaxUnused, 1_000_000}} {
		if limit.n < 1 || limit.n > limit.most {
			v.fault("registration."+limit.key, "%d is out of range; write 1 to %d", limit.n, limit.most)
		}
	}
	if ttl := r.UnusedTTL; ttl != 0 {
		v.within("registration.unused_ttl", ttl, time.Hour, 3650*day, "0 keeps them for ever")
	}
	for i, t := range r.TrustedStatements {
		v.trustedStatement(element("registration.trusted_statements", i), t)
	}
}

// registrationAudiences checks them as the audiences of a client.
func (v *validator) registrationAudiences() {
	probe := clients.Client{ID: "registration", TokenEndpointAuthMethod: clients.AuthMethodNone, Audiences: v.cfg.Registration.Audiences}
	for _, f := range FieldErrors(probe.Validate()) {
		if f.Field == "audiences" {
			v.fault("registration.audiences", "%s", f.Reason)
		}
	}
}

func (v *validator) trustedStatement(path string, t TrustedStatement) {
	if t.Issuer == "" {
		v.fault(join(path, "issuer"), "is empty; write the iss of the statements")
	}
	switch {
	case (t.JWKSURI == "") == (t.JWKSFile == ""):
		v.fault(path, "needs its public keys: give jwks_uri or jwks_file, one of the two")
	case t.JWKSURI != "":
		if u, err := url.Parse(t.JWKSURI); err != nil || u.Scheme != "https" || u.Host == "" {
			v.fault(join(path, "jwks_uri"), "%q must be an address that starts with https://", t.JWKSURI)
		}
	case v.exists(join(path, "jwks_file"), t.JWKSFile):
		set, err := os.ReadFile(t.JWKSFile)
		if err == nil {
			_, err = keys.ParseJWKS(set)
		}
		if err != nil {
			v.fault(join(path, "jwks_file"), "holds no JWK set (RFC 7517, section 5): %s", err)
		}
	}
}
