package e2e

import (
	"net/http"
	"reflect"
	"testing"

	"signet/clients"
)

// sample is a value for each field of a client that the rules of them all allow
// together, by which an update is seen to keep what it does not name.
var sample = map[string]any{
	"client_name": "Shop", "redirect_uris": []any{testCallback}, "post_logout_redirect_uris": []any{testCallback},
	"grant_types": []any{"authorization_code", "refresh_token"}, "scope": "openid email", "audiences": []any{testAPI},
	"allow_localhost": true, "allowed_origins": []any{"https://app.example.test"}, "application_type": "web",
	"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "EdDSA", "assertion_audience": "issuer",
	"jwks": map[string]any{"keys": []any{map[string]any{
		"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
	}}},
	"subject_type": "pairwise", "sector_identifier_uri": "https://app.example.test/sector", "default_max_age": 3600,
	"require_auth_time": true, "default_acr_values": []any{"1"}, "initiate_login_uri": "https://app.example.test/login",
	"backchannel_logout_uri": "https://app.example.test/back", "backchannel_logout_session_required": true,
	"frontchannel_logout_uri": "https://app.example.test/front", "frontchannel_logout_session_required": true,
	"userinfo_signed_response_alg": "RS256", "request_uris": []any{"https://app.example.test/request"}, "request_object_signing_alg": "EdDSA",
	"first_party": true, "require_pkce": false, "id_token_claims": true,
	"id_token_signed_response_alg": "RS256", "access_token_signed_response_alg": "RS256", "access_token_status_list": false,
	"access_token_format": "jwt", "refresh_token_grace": 30, "refresh_token_rotation": false, "refresh_token_idle_ttl": 3600,
	"refresh_token_absolute_ttl": 7200, "introspection": "any", "client_uri": "https://app.example.test/", "logo_uri": "https://app.example.test/l",
	"policy_uri": "https://app.example.test/p", "tos_uri": "https://app.example.test/t", "disabled": true,
	"contacts": []any{"ops@example.test"}, "software_id": "x", "software_version": "2", "allowed_groups": []any{"staff"},
	"consent": "always", "claims": map[string]any{"groups": map[string]any{"in": []any{"id_token"}}, "tier": map[string]any{"value": "gold", "in": []any{"userinfo"}}},
}

// A change of one field leaves every other one as it is (SECURITY 15).
func TestAdminUpdateKeepsTheRest(t *testing.T) {
	for _, f := range clients.Fields() {
		// Keys come in one way or the other.
		if _, ok := sample[f.Name]; !ok && f.Name != "jwks_uri" {
			t.Errorf("%s has no value here; give it one", f.Name)
		}
	}
	o := start(t).operator(t)
	o.call(http.MethodPost, "/clients", jsonOf(t, with(sample, "client_id", "full")), http.StatusCreated)
	before := o.call(http.MethodGet, "/clients/full", "", http.StatusOK).Body
	for name, value := range sample {
		if jsonOf(t, before[name]) != jsonOf(t, value) {
			t.Fatalf("%s is %v, was given as %v", name, before[name], value)
		}
	}
	for name := range sample {
		if name == "claims" {
			continue
		}
		after := o.call(http.MethodPatch, "/clients/full", jsonOf(t, map[string]any{name: before[name]}), http.StatusOK)
		if !reflect.DeepEqual(after.Body, before) {
			t.Errorf("the same %s again makes\n%s of\n%s", name, jsonOf(t, after.Body), jsonOf(t, before))
		}
	}
	after := o.call(http.MethodPatch, "/clients/full", `{"client_name": "Other"}`, http.StatusOK)
	if !reflect.DeepEqual(after.Body, with(before, "client_name", "Other")) {
		t.Errorf("another name makes\n%s of\n%s", jsonOf(t, after.Body), jsonOf(t, before))
	}
	// A merge patch goes on within objects (RFC 7396).
	after = o.call(http.MethodPatch, "/clients/full", `{"claims": {"tier": null, "groups": {"map": {"a": "b"}}}}`, http.StatusOK)
	if got, want := jsonOf(t, after.Body["claims"]), `{"groups":{"in":["id_token"],"map":{"a":"b"}}}`; got != want {
		t.Errorf("claims are %s, want %s", got, want)
	}
}

func with(m map[string]any, name string, value any) map[string]any {
	out := map[string]any{name: value}
	for k, v := range m {
		if k != name {
			out[k] = v
		}
	}
	return out
}
