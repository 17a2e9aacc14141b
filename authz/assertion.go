package authz

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"signet/clients"
	"signet/keys"
)

const (
	// assertionType is the client_assertion_type of a JWT (RFC 7523, section 2.2).
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// typeClientAssertion is the `typ` of newer libraries (RFC 7523bis); older ones
	// have JWT, or none.
	typeClientAssertion = "client-authentication+jwt"
	// assertionMost is how far ahead exp may lie. Libraries sign for a minute up to
	// an hour; the longer, the longer its use has to be remembered.
	assertionMost = time.Hour
	// assertionSkew is what the clocks of client and server may differ.
	assertionSkew = time.Minute
	// maxAssertionID bounds a jti, in characters.
	maxAssertionID = 255
)

// AssertionStore remembers which client assertions were used, for every node and
// beyond a restart.
type AssertionStore interface {
	// UseAssertion notes the use of an assertion by its id, which may be forgotten
	// after expires. ErrConflict says that it was used before.
	UseAssertion(ctx context.Context, id string, expires time.Time) error
}

// assertionClaims are the claims of a client assertion (RFC 7523, section 3;
// OpenID Connect Core, section 9). Times may have fractions (RFC 7519, section 2).
type assertionClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	ID        string   `json:"jti"`
	Expiry    *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
	IssuedAt  *float64 `json:"iat"`
}

// readAssertion finds out whose a client assertion says that it is. That is not
// believed before checkAssertion has seen it.
func readAssertion(form url.Values) (clientCredentials, error) {
	if t := form.Get("client_assertion_type"); t != assertionType {
		return clientCredentials{}, clientRefused("the client_assertion_type "+assertionType, clip(t))
	}
	given := clientCredentials{assertion: form.Get("client_assertion"), method: clients.AuthMethodPrivateKeyJWT}
	payload, err := keys.Unverified(given.assertion)
	var c assertionClaims
	if err == nil {
		err = json.Unmarshal(payload, &c)
	}
	if err != nil {
		return clientCredentials{}, clientRefused("a signed JWT as client_assertion", "something else").because(err)
	}
	// The client_id need not be sent; if it is, it has to be the same (RFC 7521,
	// section 4.2).
	if id := form.Get("client_id"); id != "" && id != c.Subject {
		return clientCredentials{}, clientRefused("an assertion whose sub is the client_id "+clip(id), clip(c.Subject))
	}
	if c.Subject == "" || c.Issuer != c.Subject {
		return clientCredentials{}, clientRefused("an assertion whose iss and sub are the client_id", fmt.Sprintf("iss %q and sub %q", clip(c.Issuer), clip(c.Subject)))
	}
	given.id = c.Subject
	return given, nil
}

// checkAssertion is private_key_jwt. What is wrong with the claims is told to
// whoever has shown by the signature to be the client; all else is for the log.
// The use is noted last, so that nobody but the client can use its assertions up.
func (p *Provider) checkAssertion(ctx context.Context, client *clients.Client, given clientCredentials) (credential string, err error) {
	if err := enabled(client); err != nil {
		return "", err
	}
	v, err := p.verifyAssertion(ctx, client, given.assertion)
	if err != nil {
		return "", clientRefused("an assertion signed by a key of client "+client.ID, "another").because(err)
	}
	var c assertionClaims
	if err := json.Unmarshal(v.Payload, &c); err != nil {
		return "", clientRefused("claims of a client assertion", "others").because(err)
	}
	expires, err := p.checkAssertionClaims(&c, client, v.Typ)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(client.ID + "\x00" + c.ID))
	err = p.cfg.Assertions.UseAssertion(ctx, hex.EncodeToString(sum[:]), expires)
	if errors.Is(err, ErrConflict) {
		return "", assertionRefused("a jti that was not used before", clip(c.ID))
	}
	if err != nil {
		return "", refuse(CodeTemporarilyUnavailable, "The client cannot be authenticated at the moment. Try again.").because(err)
	}
	return clip(v.KID), nil
}

// verifyAssertion checks the signature by the keys that the client registered, or
// publishes at its jwks_uri.
func (p *Provider) verifyAssertion(ctx context.Context, client *clients.Client, assertion string) (keys.Verified, error) {
	return p.verifyByClientKeys(ctx, client, assertion, client.TokenEndpointAuthSigningAlg)
}

// verifyByClientKeys checks the signature of whatever a client has signed, by this
// algorithm; none named is any.
func (p *Provider) verifyByClientKeys(ctx context.Context, client *clients.Client, token, alg string) (keys.Verified, error) {
	var algs []string
	if alg != "" {
		algs = []string{alg}
	}
	if client.JWKSURI != "" {
		return p.jwks.verify(ctx, client, token, algs)
	}
	set, err := keys.ParseClientKeys(client.JWKS)
	if err != nil {
		return keys.Verified{}, fmt.Errorf("the jwks of client %s: %w", client.ID, err)
	}
	return set.Verify(token, algs)
}

// checkAssertionClaims returns when the assertion may be forgotten. Its one
// audience is this server: one that names several could be taken by another of
// them and used here (RFC 7523, section 3; the audience attack of 2025).
func (p *Provider) checkAssertionClaims(c *assertionClaims, client *clients.Client, typ string) (expires time.Time, err error) {
	audiences := []string{p.cfg.Issuer, p.endpoint("/oauth2/token")}
	if client.AssertionAudience == clients.AssertionAudienceIssuer {
		audiences = audiences[:1]
	}
	now := p.now()
	switch {
	case !isAssertionType(typ):
		return expires, assertionRefused("the typ "+typeClientAssertion+" or JWT, or none", clip(typ))
	case c.Issuer != client.ID || c.Subject != client.ID:
		return expires, assertionRefused("the client_id as iss and as sub", clip(c.Issuer)+" and "+clip(c.Subject))
	case len(c.Audience) != 1 || !slices.Contains(audiences, c.Audience[0]):
		return expires, assertionRefused("the one aud "+strings.Join(audiences, " or "), clip(strings.Join(c.Audience, " ")))
	case c.ID == "" || utf8.RuneCountInString(c.ID) > maxAssertionID:
		return expires, assertionRefused(fmt.Sprintf("a jti of 1 to %d characters", maxAssertionID), clip(c.ID))
	case c.Expiry == nil:
		return expires, assertionRefused("an exp", "none")
	case *c.Expiry <= seconds(now.Add(-assertionSkew)):
		return expires, assertionRefused("an exp that is not past", fmt.Sprint(*c.Expiry))
	case *c.Expiry > seconds(now.Add(assertionMost+assertionSkew)):
		return expires, assertionRefused(fmt.Sprintf("an exp at most %d minutes ahead", int(assertionMost.Minutes())), fmt.Sprint(*c.Expiry))
	case c.NotBefore != nil && *c.NotBefore > seconds(now.Add(assertionSkew)):
		return expires, assertionRefused("an nbf that is past", fmt.Sprint(*c.NotBefore))
	case c.IssuedAt != nil && *c.IssuedAt > seconds(now.Add(assertionSkew)):
		return expires, assertionRefused("an iat that is past", fmt.Sprint(*c.IssuedAt))
	}
	// The exp was bounded above: it fits.
	return time.UnixMicro(int64(*c.Expiry * 1e6)).Add(assertionSkew).UTC(), nil
}

// isAssertionType keeps other JWTs that a client signs with the same key, such as
// DPoP proofs and request objects, from passing as its assertions (RFC 8725,
// section 3.11).
func isAssertionType(typ string) bool {
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	return typ == "" || typ == "jwt" || typ == typeClientAssertion
}

// seconds is a time as a NumericDate.
func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// assertionRefused tells a client what its assertion must have.
func assertionRefused(rule, received string) *Error {
	return refuse(CodeInvalidClient, "Client authentication failed: the client assertion must have %s.", rule).compared(rule, received)
}
