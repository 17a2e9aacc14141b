package clients

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// fullClient has a value in every field that can be set.
func fullClient(t testing.TB) Client {
	keys := makeKeys(t)
	c := Client{ID: "full", Source: SourceAPI, CreatedAt: noon, UpdatedAt: noon, Localized: map[string]string{"client_name#fr": "Tout", "tos_uri#de": "https://app.example.com/agb"}}
	for _, f := range fieldTable() {
		value, ok := fullValues(keys)[f.Name]
		if !ok {
			t.Fatalf("%s has no value in the tests; give it one", f.Name)
		}
		if err := f.Set(&c, json.RawMessage(value)); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// fullValues is a value for every field, that all go together.
func fullValues(keys testKeys) map[string]string {
	return map[string]string{
		"client_name": `"Everything"`, "redirect_uris": `["https://app.example.com/cb","http://localhost/cb"]`,
		"post_logout_redirect_uris": `["https://app.example.com/out"]`, "allow_localhost": `true`,
		"allowed_origins": `["https://app.example.com"]`, "application_type": `"web"`,
		"grant_types": `["authorization_code","refresh_token"]`, "scope": `"openid profile"`, "audiences": `["https://api.example.com"]`,
		"token_endpoint_auth_method": `"private_key_jwt"`, "token_endpoint_auth_signing_alg": `"ES256"`, "assertion_audience": `"issuer"`,
		"jwks": string(keySet(keys.ec)), "jwks_uri": `"https://app.example.com/keys"`,
		"request_uris": `["https://app.example.com/request.jwt"]`, "request_object_signing_alg": `"ES256"`,
		"first_party": `true`, "consent": `"skip"`, "allowed_groups": `["staff"]`, "require_pkce": `true`,
		"subject_type": `"pairwise"`, "sector_identifier_uri": `"https://app.example.com/sector"`,
		"default_max_age": `3600`, "require_auth_time": `true`, "default_acr_values": `["1"]`,
		"initiate_login_uri": `"https://app.example.com/login"`, "backchannel_logout_uri": `"https://app.example.com/bc"`,
		"backchannel_logout_session_required": `true`, "frontchannel_logout_uri": `"https://app.example.com/fc"`,
		"frontchannel_logout_session_required": `true`, "claims": `{"groups":{"in":["id_token"]}}`, "id_token_claims": `true`,
		"id_token_signed_response_alg": `"ES256"`, "userinfo_signed_response_alg": `"RS256"`, "access_token_signed_response_alg": `"EdDSA"`,
		"access_token_status_list": `false`, "access_token_format": `"jwt"`, "refresh_token_grace": `30`, "refresh_token_rotation": `false`,
		"refresh_token_idle_ttl": `86400`, "refresh_token_absolute_ttl": `864000`, "introspection": `"own"`,
		"client_uri": `"https://app.example.com/"`, "logo_uri": `"https://app.example.com/l.png"`, "policy_uri": `"https://app.example.com/p"`,
		"tos_uri": `"https://app.example.com/t"`, "contacts": `["ops@example.com"]`, "software_id": `"s"`, "software_version": `"1"`, "disabled": `true`,
	}
}

func document(t testing.TB, c *Client) []byte {
	t.Helper()
	doc, err := json.Marshal(c.Metadata())
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheFullClientIsValid(t *testing.T) {
	c := fullClient(t)
	for _, one := range []func(*Client){func(c *Client) { c.JWKS = nil }, func(c *Client) { c.JWKSURI = "" }} {
		c := c
		one(&c)
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestMetadataComesBackAsItWent(t *testing.T) {
	full := fullClient(t)
	var back Client
	if err := back.Patch(document(t, &full), Operator); err != nil {
		t.Fatal(err)
	}
	if back.ID != "full" {
		t.Errorf("the id is %q", back.ID)
	}
	back.Source, back.CreatedAt, back.UpdatedAt = full.Source, full.CreatedAt, full.UpdatedAt
	if !reflect.DeepEqual(back, full) {
		t.Errorf("got  %+v\nwant %+v", back, full)
	}
	// And field by field: each alone in an empty client.
	for _, f := range fieldTable() {
		var a, b Client
		doc := `{"` + f.Name + `":` + fullValues(makeKeys(t))[f.Name] + `}`
		if err := a.Patch([]byte(doc), Operator); err != nil {
			t.Fatal(err)
		}
		if err := b.Patch(document(t, &a), Operator); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		if !sameValue(a.Metadata(), b.Metadata()) {
			t.Errorf("%s: %s became %s", f.Name, document(t, &a), document(t, &b))
		}
	}
}

// PATCH one field, and again with null: every other stays as it was.
func TestPatchOfOneFieldChangesNoOther(t *testing.T) {
	full := fullClient(t)
	other := map[Kind]string{Text: `"x"`, Bool: `false`, List: `["x"]`, Words: `"x"`, Seconds: `7`, Object: `{}`}
	for _, f := range fieldTable() {
		for _, value := range []string{other[f.Kind], "null"} {
			c := fullClient(t)
			c.JWKS = full.JWKS
			if err := c.Patch([]byte(`{"`+f.Name+`":`+value+`}`), Operator); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			for _, g := range fieldTable() {
				if g.Name != f.Name && !sameValue(g.Value(&c), g.Value(&full)) {
					t.Errorf("%s = %s changed %s to %v", f.Name, value, g.Name, g.Value(&c))
				}
			}
			if !reflect.DeepEqual(c.Localized, full.Localized) {
				t.Errorf("%s = %s changed %v", f.Name, value, c.Localized)
			}
			if value == "null" && f.Value(&c) != nil {
				t.Errorf("%s = null leaves %v", f.Name, f.Value(&c))
			}
		}
	}
}

func TestPatchOfALanguage(t *testing.T) {
	c := fullClient(t)
	if err := c.Patch([]byte(`{"client_name#fr":null,"client_name#it":"Tutto","tos_uri#de":""}`), Operator); err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"client_name#it": "Tutto"}; !reflect.DeepEqual(c.Localized, want) || c.Name != "Everything" {
		t.Errorf("got %q, %v", c.Name, c.Localized)
	}
}

func TestWhatIsShownCanBeSentBack(t *testing.T) {
	c := webApp()
	c.Source, c.CreatedAt = SourceAPI, noon
	c.Secrets[0].ExpiresAt = noon.Add(time.Hour)
	doc := document(t, &c)
	want := string(doc)
	if err := c.Patch(doc, Operator); err != nil {
		t.Fatal(err)
	}
	if got := string(document(t, &c)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	// With other grant types, the response types that stood there are fine.
	edited := strings.Replace(want, `["authorization_code","refresh_token","client_credentials"]`, `["client_credentials"]`, 1)
	if err := c.Patch([]byte(edited), Operator); err != nil {
		t.Error(err)
	}
}

func TestPatchRefuses(t *testing.T) {
	for doc, want := range map[string]string{
		`[]`:                                  "must be one JSON object",
		`{"client_name":"a"} {}`:              "must be one JSON object",
		`{"client_name":"a","client_name":1}`: "client_name: is given twice",
		`{"redirect_uri":["https://a.example/"]}`: "redirect_uri: is not a field of a client that can be set; did you mean redirect_uris?",
		`{"colour":"red"}`:                        "colour: is not a field of a client that can be set",
		`{"contacts#fr":[]}`:                      "contacts#fr: has a language, but contacts is the same in every one",
		`{"client_id":"b"}`:                       `client_id: "b" is not what is there, and the server alone sets it; leave it out`,
		`{"source":"config"}`:                     `source: "config" is not what is there`,
		`{"client_id_issued_at":1}`:               `client_id_issued_at: 1 is not what is there`,
		`{"client_secret_expires_at":1}`:          `client_secret_expires_at: 1 is not what is there`,
		`{"client_secret":"s3cret"}`:              `client_secret: cannot be set here`,
		`{"response_types":["token"]}`:            `response_types: ["token"] must be ["code"]: there is no other response type`,
		`{"response_types":[]}`:                   `response_types: [] must be ["code"], which goes with the grant type authorization_code`,
		`{"response_types":"code"}`:               `response_types: "code" must be a list of strings`,
		`{"first_party":"yes"}`:                   `first_party: "yes" must be true or false`,
		`{"scope":{"a":1}}`:                       `scope: {"a":1} must be a string of words divided by spaces`,
		`{"default_max_age":"10m"}`:               `default_max_age: "10m" must be a whole number of seconds`,
		`{"refresh_token_grace":1e30}`:            `refresh_token_grace: 1e30 must be a whole number of seconds`,
		`{"claims":{"groups":{"on":[]}}}`:         `claims: {"groups":{"on":[]}} must be an object of rules`,
		`{"client_name#fr":1}`:                    `client_name#fr: 1 must be a string`,
	} {
		c := webApp()
		c.Source, c.CreatedAt = SourceAPI, noon
		before := string(document(t, &c))
		err := c.Patch([]byte(doc), Operator)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", doc, err, want)
		}
		if strings.Contains(doc, "s3cret") && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("a secret is repeated: %v", err)
		}
		if got := string(document(t, &c)); got != before && !strings.Contains(doc, "twice") {
			t.Errorf("%s: a refused patch left %s", doc, got)
		}
	}
}

// A client that introduces itself sets what is marked Self and nothing else.
func TestPatchByItself(t *testing.T) {
	full := fullClient(t)
	var c Client
	if err := c.Patch(document(t, &full), Itself); err != nil {
		t.Fatal(err)
	}
	for _, f := range fieldTable() {
		if got := f.Value(&c); (got != nil) != f.Self {
			t.Errorf("%s is %v, Self %v", f.Name, got, f.Self)
		}
	}
	if c.ID != "" || c.Source != "" || len(c.Secrets) > 0 || c.RegistrationTokenHash != "" {
		t.Errorf("it set %+v", c)
	}
	for doc, want := range map[string]string{
		`{"response_types":["code","id_token"]}`:                                                            "there is no other response type",
		`{"response_types":["code"],"grant_types":["client_credentials"]}`:                                  "needs the grant type authorization_code",
		`{"response_types":[],"grant_types":["authorization_code"],"redirect_uris":["https://a.example/"]}`: `must be ["code"]`,
		`{"response_types":["code"],"redirect_uris":["https://a.example/"]}`:                                "",
		`{"response_types":null,"unheard_of":[1,{}],"audiences":["https://api.example"]}`:                   "",
	} {
		var c Client
		err := c.Patch([]byte(doc), Itself)
		var field *FieldError
		if want == "" && err != nil || want != "" && (!errors.As(err, &field) || field.Field != "response_types" || !strings.Contains(field.Reason, want)) {
			t.Errorf("%s: got %v, want %q", doc, err, want)
		}
	}
}

// FuzzPatch: whatever is sent, nothing panics; every fault is a *FieldError or
// says that there is no object; what passes comes back as it went; and a client
// never makes itself more than it may be.
func FuzzPatch(f *testing.F) {
	// Small ones, a field each: large ones are what fuzzing spends its time on.
	for name, value := range fullValues(testKeys{ec: `{"kty":"OKP","crv":"Ed25519","x":"AAAA"}`}) {
		f.Add([]byte(`{"`+name+`":`+value+`}`), true)
	}
	for _, doc := range []string{
		`{"redirect_uris":["http://localhost/cb"],"grant_types":null}`, `{"jwks":{"keys":[{"kty":"RSA","n":"AA","e":"AQAB"}]}}`, `{"client_name#fr":"x","client_name#FR":"y"}`,
		`{"scope":["a","b"],"first_party":true}`, `{"claims":{"a":{"in":["x"],"value":1e400}}}`, `{"default_max_age":-1}`,
	} {
		f.Add([]byte(doc), true)
		f.Add([]byte(doc), false)
	}
	f.Fuzz(func(t *testing.T, doc []byte, operator bool) {
		author := Itself
		if operator {
			author = Operator
		}
		var c Client
		err := c.Patch(doc, author)
		c.Fill()
		err = errors.Join(err, c.Validate())
		for _, one := range flat(err) {
			var field *FieldError
			if !errors.As(one, &field) && !errors.Is(one, errObject) {
				t.Fatalf("%s: %T %v", doc, one, one)
			}
		}
		if author == Itself && (c.FirstParty || c.AllowLocalhost || len(c.Audiences) > 0 || c.Consent != "" || c.Introspection != "" || c.RequirePKCE != nil || c.Claims != nil) {
			t.Fatalf("%s made itself %+v", doc, c)
		}
		if err != nil && !slices.ContainsFunc(flat(err), func(e error) bool { return errors.Is(e, errObject) }) {
			return
		}
		var back Client
		if err := back.Patch(document(t, &c), Operator); err != nil {
			t.Fatalf("%s: shown as %s, which is refused: %v", doc, document(t, &c), err)
		}
		if !sameValue(back.Metadata(), c.Metadata()) {
			t.Fatalf("%s came back as %s", document(t, &c), document(t, &back))
		}
	})
}

func flat(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	var out []error
	for _, one := range joined.Unwrap() {
		out = append(out, flat(one)...)
	}
	return out
}
