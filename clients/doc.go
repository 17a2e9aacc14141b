// Package clients owns what an OAuth 2.0 client is: its metadata (RFC 7591
// names), whether that metadata is valid, which redirect URIs it may use, and
// how its secret is checked. It knows no framework, no database and no HTTP.
//
//	config.yaml ─► Reconcile ─┐
//	files, CLI,               ├─► Client ─► Validate ─► stored by authz/store
//	admin API, ─► Patch ──────┘      │
//	the client    Registry           ├─► MatchRedirectURI   (authorization endpoint)
//	itself                           ├─► CheckSecret        (token endpoint)
//	                                 ├─► AllowsOrigin       (CORS of the back channel)
//	                                 ├─► In                 (pages: name and links by language)
//	                                 └─► UseRecorder        (when it was last used)
//
// Fields is the one table of what a client can be told: every door reads it, and
// the rules are in validate*.go, by subject.
package clients
