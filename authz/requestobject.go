package authz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"signet/clients"
	"signet/keys"
)

// typeRequestObject is the `typ` of a request object (RFC 9101, section 10.8);
// those of OpenID Connect Core, section 6, have JWT, or none.
const typeRequestObject = "oauth-authz-req+jwt"

// objectClaims are the claims of a request object that say whether it counts. All
// others are parameters of the request.
type objectClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	Expiry    *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
	IssuedAt  *float64 `json:"iat"`
}

// openObject puts the parameters of a signed request object over those that stand
// beside it (OpenID Connect Core, section 6; RFC 9101). What the object does not
// say, the parameters beside it do. Of the object nothing but its parameters is
// kept: they are what Marshal writes.
func (p *Provider) openObject(ctx context.Context, r *Request) error {
	object, uri := r.form.Get("request"), r.form.Get("request_uri")
	var err error
	switch {
	case object == "" && uri == "":
		return nil
	case object != "" && uri != "":
		return refuse(CodeInvalidRequest, "The parameters request and request_uri do not go together.")
	case uri != "":
		if object, err = p.requestObjects.get(ctx, &r.client, uri); err != nil {
			return err
		}
	}
	members, err := p.readObject(ctx, &r.client, object)
	if err != nil {
		return err
	}
	merged, err := mergeObject(r.form, members)
	if err != nil {
		return err
	}
	r.form, r.signed = merged, true
	r.state, r.mode = merged.Get("state"), merged.Get("response_mode")
	return nil
}

// objectRefused is the error that a client is told of an object that does not
// count (OpenID Connect Core, section 3.1.2.6).
func objectRefused(rule, received string) *Error {
	return refuse(CodeInvalidRequestObject, "The request object must have %s.", rule).compared(rule, received)
}

// readObject verifies a request object and returns its members.
func (p *Provider) readObject(ctx context.Context, client *clients.Client, object string) (map[string]json.RawMessage, error) {
	if len(client.JWKS) == 0 && client.JWKSURI == "" {
		return nil, refuse(CodeInvalidRequestObject, "The client has registered no keys by which a request object could be verified: set jwks or jwks_uri.")
	}
	v, err := p.verifyByClientKeys(ctx, client, object, client.RequestObjectSigningAlg)
	if err != nil {
		wanted := client.RequestObjectSigningAlg
		if wanted == "" {
			wanted = strings.Join(keys.Algorithms(), " or ")
		}
		return nil, objectRefused("a signature by "+wanted+" and by a key of the client", "another, or none").because(err)
	}
	var c objectClaims
	var members map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(v.Payload, &c), json.Unmarshal(v.Payload, &members)); err != nil {
		return nil, objectRefused("claims that are a JSON object of the right types", "others").because(err)
	}
	return members, p.checkObjectClaims(&c, client, v.Typ)
}

// checkObjectClaims checks what RFC 9101 asks of the claims of a JWT (sections 4
// and 10). None of them has to be there; whatever is there has to be true.
func (p *Provider) checkObjectClaims(c *objectClaims, client *clients.Client, typ string) error {
	now := p.now()
	switch {
	case !isObjectType(typ):
		return objectRefused("the typ "+typeRequestObject+" or JWT, or none", clip(typ))
	case c.Issuer != "" && c.Issuer != client.ID:
		return objectRefused("the client_id as iss", clip(c.Issuer))
	case c.Subject == client.ID:
		// A client assertion (section 10.8): signed by the same key, for another end.
		return objectRefused("no sub that is the client_id", clip(c.Subject))
	case len(c.Audience) > 0 && !slices.Contains(c.Audience, p.cfg.Issuer):
		return objectRefused("the aud "+p.cfg.Issuer, clip(strings.Join(c.Audience, " ")))
	case c.Expiry != nil && *c.Expiry <= seconds(now.Add(-assertionSkew)):
		return objectRefused("an exp that is not past", fmt.Sprint(*c.Expiry))
	case c.NotBefore != nil && *c.NotBefore > seconds(now.Add(assertionSkew)):
		return objectRefused("an nbf that is past", fmt.Sprint(*c.NotBefore))
	case c.IssuedAt != nil && *c.IssuedAt > seconds(now.Add(assertionSkew)):
		return objectRefused("an iat that is past", fmt.Sprint(*c.IssuedAt))
	}
	return nil
}

// isObjectType keeps other JWTs that a client signs with the same key from passing
// as its requests (RFC 8725, section 3.11).
func isObjectType(typ string) bool {
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	return typ == "" || typ == "jwt" || typ == typeRequestObject
}

// mergeObject is the form with the members of an object over it. The client and
// the response type have to be the same in both (OpenID Connect Core, section
// 6.1), and an object does not bring another one (RFC 9101, section 4).
func mergeObject(form url.Values, members map[string]json.RawMessage) (url.Values, error) {
	merged := url.Values{}
	for name, values := range form {
		if name != "request" && name != "request_uri" {
			merged[name] = values
		}
	}
	for _, name := range []string{"request", "request_uri"} {
		if _, nested := members[name]; nested {
			return nil, objectRefused("no "+name+" of its own", name)
		}
	}
	for _, name := range append([]string{"registration"}, keptParameters...) {
		raw, ok := members[name]
		if !ok || string(raw) == "null" {
			continue
		}
		values, err := objectValues(name, raw)
		if err != nil {
			return nil, err
		}
		outside := form.Get(name)
		if (name == "client_id" || name == "response_type") && outside != "" && outside != values[0] {
			return nil, objectRefused("the "+name+" of the parameter beside it", clip(values[0]))
		}
		merged[name] = values
	}
	return merged, nil
}

// objectValues are the values of a parameter in a request object: text, but for
// max_age, a number; claims and registration, JSON objects; and resource, which
// may be several (RFC 9101, section 4; RFC 8707, section 2).
func objectValues(name string, raw json.RawMessage) ([]string, error) {
	var text string
	var list []string
	var number int64
	switch {
	case json.Unmarshal(raw, &text) == nil:
		return []string{text}, nil
	case name == "max_age" && json.Unmarshal(raw, &number) == nil:
		return []string{strconv.FormatInt(number, 10)}, nil
	case (name == paramClaims || name == "registration") && raw[0] == '{':
		return []string{string(raw)}, nil
	case name == "resource" && json.Unmarshal(raw, &list) == nil && len(list) > 0:
		return list, nil
	}
	return nil, objectRefused("a "+name+" of the right type", clip(string(raw)))
}
