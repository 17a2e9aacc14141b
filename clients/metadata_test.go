package clients

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestMetadataHasTheRFCsNamesAndNoStoredSecret(t *testing.T) {
	c := webApp()
	yes := true
	c.RequirePKCE, c.CreatedAt, c.Source, c.TokenEndpointAuthMethod = &yes, noon, SourceCLI, AuthMethodBasic
	c.IDTokenSignedResponseAlg, c.AccessTokenSignedResponseAlg = "ES256", "PS256"
	c.Secrets = []Secret{{Hash: sha256Hash("a"), CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}, {Hash: sha256Hash("b"), CreatedAt: noon.Add(time.Minute)}}
	b, err := json.Marshal(c.Metadata())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"client_id":"web-app","client_id_issued_at":1777896000,"client_secret_expires_at":0,"client_name":"Web app",` +
		`"redirect_uris":["https://app.example.com/cb"],"post_logout_redirect_uris":["https://app.example.com/"],` +
		`"grant_types":["authorization_code","refresh_token","client_credentials"],"response_types":["code"],` +
		`"scope":"openid profile offline_access","audiences":["https://api.example.com"],"token_endpoint_auth_method":"client_secret_basic",` +
		`"first_party":false,"require_pkce":true,"id_token_claims":false,"id_token_signed_response_alg":"ES256",` +
		`"access_token_signed_response_alg":"PS256","access_token_status_list":true,` +
		`"client_uri":"https://app.example.com/","logo_uri":"http://app.example.com/logo.png#dark","disabled":false,"source":"cli"}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}

func TestMetadataListsAreNeverNull(t *testing.T) {
	b, err := json.Marshal((&Client{ID: "x", TokenEndpointAuthMethod: AuthMethodNone}).Metadata())
	if err != nil || strings.Contains(string(b), "null") || strings.Contains(string(b), "client_secret") || strings.Contains(string(b), "_alg") {
		t.Errorf("%s, %v", b, err)
	}
}
