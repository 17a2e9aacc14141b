// Package e2e holds no code, only tests: they run a whole server on a
// loopback port and talk to it as strangers do, over HTTP, with the libraries
// that apps and APIs use, with a real browser, and with attacks.
//
//	harness_test.go     an issuer on 127.0.0.1, a fake clock, a script-less browser
//	clients_test.go     every kind of client, through its whole life
//	flow_test.go        apps made of go-oidc and x/oauth2, step by step
//	offline_test.go     APIs that verify by JWKS: go-oidc, and npm's jose
//	process_test.go     the binary: first run, commands beside it, stop, mistakes
//	storm*_test.go      keys rotate every second, and no caching verifier notices
//	operate_test.go     what an operator sets up: declared clients, a certificate
//	status_test.go      status lists, as resource servers see them
//	queries_test.go     what each endpoint may ask of the database
//	bad_input_*_test.go what mistakes of apps are answered with
//	security_*_test.go  each past vulnerability of a server like this one
//	registration_*.go   clients that register themselves, and floods of them
//	browser_*_test.go   Chromium and axe-core
//	throughput_test.go  the token endpoint against raw RSA signing
package e2e
