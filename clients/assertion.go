package clients

// What the `aud` of a client's assertions may be. Empty is either of the issuer
// and the token endpoint: libraries are about equally divided.
const (
	// AssertionAudienceIssuer is the issuer alone, as FAPI 2.0 and RFC 7523bis
	// want it: an authorization server that lies about its token endpoint then gets
	// no assertion that could be used at another.
	AssertionAudienceIssuer = "issuer"
)

// checkAssertions checks how a client signs its assertions.
func (f *faults) checkAssertions(c *Client) {
	switch {
	case c.AssertionAudience == "":
	case c.AssertionAudience != AssertionAudienceIssuer:
		f.add("assertion_audience", "%q must be %s, or left out", c.AssertionAudience, AssertionAudienceIssuer)
	case c.TokenEndpointAuthMethod != AuthMethodPrivateKeyJWT:
		f.add("assertion_audience", "needs token_endpoint_auth_method %s: nobody else sends assertions", AuthMethodPrivateKeyJWT)
	}
}
