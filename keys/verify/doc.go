// Package verify is for resource servers: APIs that get the access tokens of
// an OAuth 2.0 issuer. It verifies them locally, as RFC 9068 says, learns from
// the issuer's status list which of them were revoked (Token Status List,
// draft-ietf-oauth-status-list), and protects net/http handlers.
//
//	verifier, err := verify.New(verify.Config{
//		Issuer:   "https://id.example.com",
//		Audience: "https://api.example.com",
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer verifier.Close()
//	mux.Handle("GET /orders", verifier.Handler(orders, verify.Scopes("orders:read")))
//
// In the handler, FromContext has the claims. Other frameworks call
// VerifyRequest and WriteError, or Verify with the token alone.
//
// The package needs the standard library and go-jose v4, and nothing else of
// the module it stands in: its folder can be copied into any other.
//
// # What happens to a request
//
//	Authorization: Bearer … ──► form, header ──► key by kid ──► signature ──► claims ──► status ──► scopes ──► next
//	        │                       │               │              │            │          │          │
//	        ▼                       ▼               ▼              ▼            ▼          ▼          ▼
//	    401, no error              401           401 | 503        401          401     401 | 503     403
//	                                                │                                     │
//	                                            JWKS, cached                     status list, cached
//
// The key decides about the algorithm, never the token (RFC 8725, section 3.1);
// header parameters that bring a key or point to one are refused, and so is
// everything whose typ is not at+jwt: an ID token is no access token. iss must
// be the issuer, aud contain the audience, exp, nbf and iat agree with the
// clock, and sub, client_id and jti be there.
//
// # What is fetched, and when
//
// The issuer's metadata, its keys and its status lists, each when a token needs
// it for the first time. After that they are cached:
//
//	fetched            3/4 or later         fresh no more           too old
//	───┼──── used as is ────┼─── renewed in ──────┼── requests wait ─────┼── refused: 503 ──►
//	   │                    │   the background    │   for the renewal,   │
//	   │                    │                     │   used if it fails   │
//	   keys:   max-age of Cache-Control, and       KeysMaxStale (1 h)
//	           stale-while-revalidate
//	   lists:  ttl, or max-age                     StatusMaxStale (5 min), never beyond exp
//
// Renewal is by ETag, one fetch at a time however many requests there are, and
// only while there are requests: an API that nobody calls asks for nothing.
// After a failure the next try comes after a second, then after twice as long
// each time, half a minute at most, each with jitter; meanwhile nobody waits
// and the last good edition is used. An answer that is too large, is not what
// it should be, or has no key that can be used is a failure.
//
// A token that names a key which is not in the set has the set fetched once
// more, as it may have been published since, but at most once in KeyRefetch
// (30 s): in between it is refused. So a flood of forged names is no flood at
// the issuer.
//
// Every fetch is of an https URL (http on the loopback alone), follows
// redirects within one origin, reads a megabyte at most, also of a list that is
// decompressed, and ends after Timeout. Status lists are fetched from below the
// issuer's URL alone, whatever a token says.
//
// # Revoked tokens
//
// A token that has a status claim is looked up in the list that it names.
// Status 0 is good; 1 is ErrRevoked, 2 ErrSuspended, and any other one
// ErrRevoked too. A revocation is known here when the list's ttl has passed.
//
// StatusPolicy says what happens when the list cannot be had. The default is to
// refuse with 503: otherwise, whoever can keep an API from its issuer could use
// a revoked token there. In exchange a list may be used for StatusMaxStale
// longer than its ttl, so that an issuer may restart without all APIs falling
// silent.
//
// # Proxies, clocks, tests
//
// Config takes the http.Client, the clock and the logger. Nothing is logged
// unless a Logger is given. Refusals are logged with their cause, which the
// client is not told; the token itself never is.
package verify
