package main

import (
	"reflect"
	"slices"
	"testing"

	"signet/clients"
)

// everyField is a client in a file with every field, that all go together.
const everyField = `clients:
- client_id: full
  client_name: Everything
  client_name#fr: Tout
  redirect_uris: [https://app.example.com/cb, http://localhost/cb]
  post_logout_redirect_uris: [https://app.example.com/out]
  allow_localhost: true
  allowed_origins: [https://app.example.com]
  application_type: web
  grant_types: [authorization_code, refresh_token]
  scope: openid profile
  audiences: [https://api.example.com]
  token_endpoint_auth_method: private_key_jwt
  token_endpoint_auth_signing_alg: EdDSA
  assertion_audience: issuer
  jwks: {keys: [{kty: OKP, crv: Ed25519, kid: a, x: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}]}
  request_uris: [https://app.example.com/request.jwt]
  request_object_signing_alg: EdDSA
  first_party: true
  consent: skip
  allowed_groups: [staff]
  require_pkce: true
  subject_type: pairwise
  sector_identifier_uri: https://app.example.com/sector
  default_max_age: 1h
  require_auth_time: true
  default_acr_values: ["1"]
  initiate_login_uri: https://app.example.com/login
  backchannel_logout_uri: https://app.example.com/bc
  backchannel_logout_session_required: true
  frontchannel_logout_uri: https://app.example.com/fc
  frontchannel_logout_session_required: true
  claims: {groups: {in: [id_token]}}
  id_token_claims: true
  id_token_signed_response_alg: RS256
  userinfo_signed_response_alg: RS256
  access_token_signed_response_alg: RS256
  access_token_status_list: false
  access_token_format: jwt
  refresh_token_grace: 30s
  refresh_token_rotation: false
  refresh_token_idle_ttl: 1d
  refresh_token_absolute_ttl: 864000
  introspection: own
  client_uri: https://app.example.com/
  logo_uri: https://app.example.com/l.png
  policy_uri: https://app.example.com/p
  tos_uri: https://app.example.com/t
  contacts: [ops@example.com]
  software_id: s
  software_version: "1"
  disabled: true
`

// Every field is set, then one is changed: by the file and by the command line,
// all others stay.
func TestAnUpdateThroughEachDoorKeepsOtherFields(t *testing.T) {
	c := newCLI(t, "keys: {algorithms: [RS256, ES256]}\n")
	file := c.write("clients.yaml", everyField)
	perField := map[string][2]string{} // in a file, and as a flag
	change := map[clients.Kind][2]string{
		clients.Bool: {"false", "=false"}, clients.Seconds: {"5m", "=5m"},
	}
	for name, value := range map[string]string{
		"redirect_uris": "https://app.example.com/other", "allowed_origins": "https://other.example.com", "grant_types": "authorization_code",
		"scope": "openid", "audiences": "https://other.example.com", "token_endpoint_auth_signing_alg": "", "assertion_audience": "", "application_type": "",
		"consent": "always", "subject_type": "public", "sector_identifier_uri": "https://other.example.com/", "initiate_login_uri": "https://other.example.com/",
		"backchannel_logout_uri": "https://other.example.com/", "frontchannel_logout_uri": "https://app.example.com/other",
		"id_token_signed_response_alg": "ES256", "userinfo_signed_response_alg": "ES256", "access_token_signed_response_alg": "ES256",
		"access_token_format": "opaque", "introspection": "none", "client_uri": "https://other.example.com/", "logo_uri": "https://other.example.com/",
		"policy_uri": "https://other.example.com/", "tos_uri": "https://other.example.com/", "default_acr_values": "2", "claims": `{"email":{"in":["userinfo"]}}`,
		"client_name": "other", "contacts": "other", "software_id": "other", "software_version": "other", "post_logout_redirect_uris": "https://app.example.com/2",
		"allowed_groups": "other", "request_uris": "https://app.example.com/other.jwt", "request_object_signing_alg": "",
	} {
		f, _ := clients.FieldNamed(name)
		inFile := "'" + value + "'"
		switch f.Kind {
		case clients.List:
			inFile = "['" + value + "']"
		case clients.Object:
			inFile = value
		}
		perField[name] = [2]string{inFile, "=" + value}
	}
	c.must("clients", "apply", "-f", file)
	full := c.object("clients", "show", "full")
	for _, f := range clients.Fields() {
		// These do not go alone with all the others, and have tests of their own.
		if slices.Contains([]string{"jwks", "jwks_uri", "token_endpoint_auth_method", "first_party", "allow_localhost"}, f.Name) {
			continue
		}
		value, ok := perField[f.Name]
		if !ok {
			if value, ok = change[f.Kind]; !ok {
				t.Fatalf("%s has no other value here; give it one", f.Name)
			}
		}
		if f.Name == "refresh_token_absolute_ttl" {
			value = [2]string{"9d", "=9d"}
		}
		if f.Name == "access_token_status_list" || f.Name == "refresh_token_rotation" {
			value = [2]string{"true", "=true"}
		}
		for door, args := range map[string][]string{
			"file": {"clients", "apply", "-f", c.write("one.yaml", "- client_id: full\n  "+f.Name+": "+value[0]+"\n")},
			"flag": {"clients", "update", "full", "--" + f.Flag + value[1]},
		} {
			c.must(args...)
			got := c.object("clients", "show", "full")
			if reflect.DeepEqual(got[f.Name], full[f.Name]) {
				t.Errorf("by %s: %s is still %v", door, f.Name, got[f.Name])
			}
			for name, want := range full {
				derived := name == "access_token_status_list" && f.Name == "access_token_format"
				if name != f.Name && !derived && !reflect.DeepEqual(got[name], want) {
					t.Errorf("by %s: %s changed %s to %v", door, f.Name, name, got[name])
				}
			}
			c.must("clients", "apply", "-f", file)
		}
	}
}
