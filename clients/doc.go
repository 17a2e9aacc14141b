// Package clients owns what an OAuth 2.0 client is: its metadata (RFC 7591
// names), whether that metadata is valid, which redirect URIs it may use, and
// how its secret is checked. It knows no framework, no database and no HTTP.
//
//	config.yaml ─► Reconcile ─┐
//	                          ├─► Client ─► Validate ─► stored by authz/store
//	signet CLI ───────────────┘      │
//	                                 ├─► MatchRedirectURI   (authorization endpoint)
//	                                 └─► CheckSecret        (token endpoint)
package clients
