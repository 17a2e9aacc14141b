package clients

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestClaimRulesAccepted(t *testing.T) {
	for name, rules := range map[string]map[string]ClaimRule{
		"a standard claim elsewhere":  {"email": {In: []string{ClaimInIDToken, ClaimInUserinfo, ClaimInAccessToken}}},
		"kept out everywhere":         {"birthdate": {}},
		"groups under another name":   {"roles": {From: "groups", Map: map[string]string{"staff": "Editor"}, In: []string{ClaimInIDToken}}},
		"an attribute":                {"department": {From: "attributes.dept-2_x.y", In: []string{ClaimInUserinfo}}},
		"a namespaced name":           {"https://example.com/roles": {From: "groups", In: []string{ClaimInAccessToken}}},
		"a fixed list":                {"tenant": {Value: []any{"a", 1.0}, In: []string{ClaimInIDToken}}},
		"fixed false, which is there": {"beta": {Value: false, In: []string{ClaimInIDToken}}},
		"the username":                {"username": {In: []string{ClaimInIDToken}}, "login": {From: "username", In: []string{ClaimInIDToken}}},
	} {
		t.Run(name, func(t *testing.T) {
			c := webApp()
			c.Claims = rules
			if err := c.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestClaimRulesRefused(t *testing.T) {
	all := []string{ClaimInIDToken}
	many := map[string]ClaimRule{}
	for i := range maxClaimRules + 1 {
		many[fmt.Sprint("c", i)] = ClaimRule{From: "groups"}
	}
	long := map[string]string{}
	for i := range maxClaimMap + 1 {
		long[fmt.Sprint(i)] = "x"
	}
	tests := map[string]map[string]ClaimRule{
		"no name":                    {"": {From: "groups", In: all}},
		"a space in the name":        {"a b": {From: "groups", In: all}},
		"a name that is not ASCII":   {"rôle": {From: "groups", In: all}},
		"a long name":                {strings.Repeat("a", maxClaimName+1): {From: "groups", In: all}},
		"a quote in the name":        {`a"b`: {From: "groups", In: all}},
		"nobody knows it":            {"dept": {In: all}},
		"an unknown source":          {"dept": {From: "department", In: all}},
		"an attribute without name":  {"dept": {From: "attributes.", In: all}},
		"an attribute in capitals":   {"dept": {From: "attributes.Dept", In: all}},
		"the password":               {"dept": {From: "password_hash", In: all}},
		"value and from":             {"dept": {From: "groups", Value: "x", In: all}},
		"value and map":              {"dept": {Value: "x", Map: map[string]string{"x": "y"}, In: all}},
		"an unknown place":           {"email": {In: []string{"introspection"}}},
		"a place twice":              {"email": {In: []string{ClaimInIDToken, ClaimInIDToken}}},
		"a time that is mapped":      {"updated_at": {Map: map[string]string{"1": "x"}, In: all}},
		"a yes or no that is mapped": {"email_verified": {Map: map[string]string{"true": "x"}, In: all}},
		"mapped to nothing":          {"groups": {Map: map[string]string{"staff": ""}, In: all}},
		"a control character mapped": {"groups": {Map: map[string]string{"staff": "a\nb"}, In: all}},
		"a map too long":             {"groups": {Map: long, In: all}},
		"too many rules":             many,
		"fixed values too long":      {"a": {Value: strings.Repeat("a", maxClaimValues), In: all}},
		"a value JSON has not":       {"a": {Value: func() {}, In: all}},
	}
	for _, name := range reservedClaims {
		tests["reserved "+name] = map[string]ClaimRule{name: {Value: "x", In: all}}
	}
	for name, rules := range tests {
		t.Run(name, func(t *testing.T) {
			c := webApp()
			c.Claims = rules
			var fe *FieldError
			if err := c.Validate(); !errors.As(err, &fe) || fe.Field != "claims" {
				t.Errorf("Validate() = %v, want a fault of claims", err)
			}
		})
	}
}

// An error says what to write instead.
func TestClaimFaultNamesTheWayOut(t *testing.T) {
	c := webApp()
	c.Claims = map[string]ClaimRule{"Cost Centre": {}, "costCentre": {In: []string{"tokens"}}}
	err := c.Validate()
	for _, want := range []string{`"Cost Centre" is no name for a claim`, `such as attributes.costcentre`, `"tokens" must be id_token, userinfo or access_token`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing from: %v", want, err)
		}
	}
}

func TestConsentPolicy(t *testing.T) {
	for name, tt := range map[string]struct {
		client Client
		want   string
	}{
		"third party":                        {Client{Source: SourceCLI}, ConsentRemember},
		"first party":                        {Client{FirstParty: true}, ConsentSkip},
		"first party that asks":              {Client{FirstParty: true, Consent: ConsentAlways}, ConsentAlways},
		"third party that is let off":        {Client{Consent: ConsentSkip}, ConsentSkip},
		"registered itself":                  {Client{Source: SourceDynamic}, ConsentRemember},
		"registered itself, skip":            {Client{Source: SourceDynamic, Consent: ConsentSkip}, ConsentRemember},
		"registered itself, first party":     {Client{Source: SourceDynamic, FirstParty: true}, ConsentRemember},
		"registered itself, always":          {Client{Source: SourceDynamic, Consent: ConsentAlways}, ConsentAlways},
		"a document":                         {Client{Source: SourceDocument}, ConsentAlways},
		"a document, skip":                   {Client{Source: SourceDocument, Consent: ConsentSkip}, ConsentAlways},
		"a document, remember":               {Client{Source: SourceDocument, Consent: ConsentRemember}, ConsentAlways},
		"a document that calls itself yours": {Client{Source: SourceDocument, FirstParty: true}, ConsentAlways},
	} {
		if got := tt.client.ConsentPolicy(); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestAdmits(t *testing.T) {
	for _, tt := range []struct {
		allowed, groups []string
		want            bool
	}{
		{nil, nil, true},
		{nil, []string{"staff"}, true},
		{[]string{"staff"}, nil, false},
		{[]string{"staff", "ops"}, []string{"ops"}, true},
		{[]string{"staff"}, []string{"Staff", "staff "}, false},
	} {
		c := Client{AllowedGroups: tt.allowed}
		if got := c.Admits(tt.groups); got != tt.want {
			t.Errorf("a client for %q admits %q: %t", tt.allowed, tt.groups, got)
		}
	}
}

func TestSector(t *testing.T) {
	for name, tt := range map[string]struct {
		sector    string
		redirects []string
		want      string
	}{
		"one host":                    {"", []string{"https://App.example.com/cb", "https://app.example.com:8443/other"}, "app.example.com"},
		"a document":                  {"https://Example.com:444/uris.json", []string{"https://a.example.com/", "https://b.example.com/"}, "example.com"},
		"two hosts":                   {"", []string{"https://a.example.com/", "https://b.example.com/"}, ""},
		"an app's scheme":             {"", []string{"com.example.app:/cb"}, ""},
		"a host and an app's scheme":  {"", []string{"https://a.example.com/", "com.example.app:/cb"}, ""},
		"this device":                 {"", []string{"http://127.0.0.1/cb"}, ""},
		"this device, the other way":  {"", []string{"http://[::1]:80/cb"}, ""},
		"none":                        {"", nil, ""},
		"a document that has no host": {"https:///uris.json", nil, ""},
	} {
		c := Client{SectorIdentifierURI: tt.sector, RedirectURIs: tt.redirects}
		got, err := c.Sector()
		var fe *FieldError
		if got != tt.want || (err == nil) != (tt.want != "") || err != nil && (!errors.As(err, &fe) || fe.Field != "sector_identifier_uri") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, tt.want)
		}
	}
}
