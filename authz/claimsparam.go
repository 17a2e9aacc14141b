package authz

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"signet/authz/login"
	"signet/clients"
)

const (
	// paramClaims asks for claims by name (OpenID Connect Core, section 5.5).
	paramClaims = "claims"
	// maxClaims bounds it, in bytes: it has to fit into the cookie of a sign-in.
	maxClaims = 4 << 10
)

// AskedClaims are the claims about a person that a request asked for by name, and
// where it wants them (OpenID Connect Core, section 5.5).
type AskedClaims struct {
	UserInfo []string `json:"userinfo,omitempty"`
	IDToken  []string `json:"id_token,omitempty"`
}

// claimWish is what a request says of one claim (OpenID Connect Core, section
// 5.5.1); all of it is empty for a null.
type claimWish struct {
	Essential bool  `json:"essential"`
	Value     any   `json:"value"`
	Values    []any `json:"values"`
}

// texts are the values that are wanted, those that are text. given says whether
// any was, so that a value of another type is not taken for none.
func (w claimWish) texts() (texts []string, given bool) {
	all := w.Values
	if w.Value != nil {
		all = append([]any{w.Value}, all...)
	}
	for _, v := range all {
		if text, ok := v.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts, w.Value != nil || w.Values != nil
}

// claimsRequest is the claims parameter. Other members are ignored (section 5.5).
type claimsRequest struct {
	UserInfo map[string]*claimWish `json:"userinfo"`
	IDToken  map[string]*claimWish `json:"id_token"`
}

// checkClaims reads the claims parameter, which means nothing without the scope
// openid. What it says of acr counts before acr_values and the client's default.
func (p *Provider) checkClaims(_ context.Context, r *Request) error {
	text := r.form.Get(paramClaims)
	if text == "" || !slices.Contains(r.scopes, scopeOpenID) {
		return nil
	}
	c, err := parseClaims(text)
	if err != nil {
		return err
	}
	r.asked, r.subs = c.asked(&r.client), c.subjects()
	if values, given, essential := c.acr(); given {
		r.acrValues, r.acrEssential = values, essential
	}
	return nil
}

// parseClaims reads a claims parameter.
func parseClaims(text string) (*claimsRequest, error) {
	if len(text) > maxClaims {
		return nil, refuse(CodeInvalidRequest, "The parameter claims is longer than %d bytes.", maxClaims).
			compared(fmt.Sprintf("at most %d bytes", maxClaims), fmt.Sprint(len(text)))
	}
	var c *claimsRequest
	err := json.Unmarshal([]byte(text), &c)
	if err != nil || c == nil {
		return nil, refuse(CodeInvalidRequest, "The parameter claims must be a JSON object whose members userinfo and id_token are objects: "+
			"by the name of a claim, null or an object with essential, value or values.").because(err)
	}
	return c, nil
}

// asked are the claims of the request that can be had: standard ones about a
// person, whose scope the client may ask for. All others are ignored, names with
// a language tag among them (sections 5.2 and 5.5).
func (c *claimsRequest) asked(client *clients.Client) AskedClaims {
	names := func(wishes map[string]*claimWish) []string {
		return slices.DeleteFunc(slices.Sorted(maps.Keys(wishes)), func(name string) bool {
			scope := scopeOfClaim(name)
			return scope == "" || !client.ScopeAllowed(scope)
		})
	}
	return AskedClaims{UserInfo: names(c.UserInfo), IDToken: names(c.IDToken)}
}

// scopeOfClaim is the scope that releases a claim about a person, "" for none.
func scopeOfClaim(name string) string {
	for scope, names := range scopeClaims {
		if slices.Contains(names, name) {
			return scope
		}
	}
	return ""
}

// scopes are those whose text on the consent page covers what was asked by name.
func (a AskedClaims) scopes() []string {
	var out []string
	for _, s := range standardScopes {
		covers := func(claim string) bool { return scopeOfClaim(claim) == s.Name }
		if slices.ContainsFunc(a.UserInfo, covers) || slices.ContainsFunc(a.IDToken, covers) {
			out = append(out, s.Name)
		}
	}
	return out
}

// at are the claims that were asked for at one destination.
func (a AskedClaims) at(destination string) []string {
	switch destination {
	case clients.ClaimInUserinfo:
		return a.UserInfo
	case clients.ClaimInIDToken:
		return a.IDToken
	}
	return nil
}

// addAsked puts claims that were asked for by name to those that scopes release.
func addAsked(claims map[string]any, person *login.Person, names []string) {
	if len(names) == 0 {
		return
	}
	known := personSources(person)
	for _, name := range names {
		if value, ok := known[name]; ok && scopeOfClaim(name) != "" {
			claims[name] = value
		}
	}
}

// subjects are, of each place that asks for a person by their sub, the values that
// it takes (section 5.5.1). Somebody else must not be answered for.
func (c *claimsRequest) subjects() (out [][]string) {
	for _, wishes := range []map[string]*claimWish{c.UserInfo, c.IDToken} {
		if w := wishes["sub"]; w != nil {
			if texts, given := w.texts(); given {
				out = append(out, texts)
			}
		}
	}
	return out
}

// acr is what the request wants of the acr in the ID token (section 5.5.1.1).
// Without values it is content with any, which is always there.
func (c *claimsRequest) acr() (values []string, given, essential bool) {
	w := c.IDToken["acr"]
	if w == nil {
		return nil, false, false
	}
	values, given = w.texts()
	return values, given, w.Essential
}
