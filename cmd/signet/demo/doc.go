// Package demo is `signet demo`: an authorization server, an app and an API on
// loopback ports, with a person to sign in as, in a temporary folder.
//
//	browser ─► app.go ──── code, PKCE, refresh, sign-out ────► issuer
//	              │                                              │
//	              └─ access token ─► api.go ◄─ signing keys ─────┘
//
// The app and the API know the issuer's URL and nothing else of the server: the
// app uses golang.org/x/oauth2 and coreos/go-oidc as any would, the API
// signet/keys/verify, and both are written to be copied. demo.go wires the three; session.go keeps who is signed in at
// the app, and pages.go shows it.
package demo
