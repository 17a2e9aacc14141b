package clients

import (
	"slices"
	"strings"
)

// RequestURIAllowed reports whether a request object may be fetched from uri, one
// of RequestURIs but for the fragment, which only tells versions of it apart
// (OpenID Connect Core, section 6.2).
func (c *Client) RequestURIAllowed(uri string) bool {
	asked, _, _ := strings.Cut(uri, "#")
	return slices.ContainsFunc(c.RequestURIs, func(registered string) bool {
		registered, _, _ = strings.Cut(registered, "#")
		return registered == asked
	})
}

// checkRequestObjects checks where requests come from and how they are signed
// (OpenID Connect Registration, section 2).
func (f *faults) checkRequestObjects(c *Client) {
	f.each("request_uris", c.RequestURIs, func(uri string) error {
		uri, _, _ = strings.Cut(uri, "#")
		return checkService(uri)
	})
	if alg := c.RequestObjectSigningAlg; alg != "" && !slices.Contains(SigningAlgorithms(), alg) {
		f.add("request_object_signing_alg", "%q must be %s: an unsigned request is not taken", clippedText(alg), choice(SigningAlgorithms()))
	}
}
