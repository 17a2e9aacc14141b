package main

import (
	"slices"
	"strings"
	"testing"

	"signet/clients"
	"signet/keys"
)

// The packages may not import each other, and so each has the list.
func TestClientsMayNameWhatKeysCanSignWith(t *testing.T) {
	if of, can := clients.SigningAlgorithms(), keys.Algorithms(); !slices.Equal(of, can) {
		t.Errorf("clients may name %v, but keys sign with %v", of, can)
	}
}

func TestClientsWithAlgorithmsOfTheirOwn(t *testing.T) {
	c := newCLI(t, "keys: {algorithms: [RS256, ES256]}\n")
	got := c.object("clients", "create", "--id", "a", "--redirect-uri", "https://a.example.com/", "--id-token-signed-response-alg", "ES256")
	if got["id_token_signed_response_alg"] != "ES256" || got["access_token_signed_response_alg"] != nil {
		t.Errorf("created %v", got)
	}
	got = c.object("clients", "update", "a", "--access-token-signed-response-alg", "ES256", "--id-token-signed-response-alg", "")
	if got["id_token_signed_response_alg"] != nil || got["access_token_signed_response_alg"] != "ES256" || c.stored("a").AccessTokenSignedResponseAlg != "ES256" {
		t.Errorf("updated %v", got)
	}
	if shown := rows(c.must("clients", "show", "a")); !slices.Contains(shown, "access_token_signed_response_alg ES256") {
		t.Errorf("shown %q", shown)
	}

	// The algorithm is taken out of the configuration: other changes are still
	// possible, and so is naming another one.
	c.write("config.yaml", "")
	c.must("clients", "disable", "a")
	c.must("clients", "update", "a", "--name", "A")
	c.must("clients", "update", "a", "--access-token-signed-response-alg", "RS256")
}

func TestClientsAlgorithmsThatAreRefused(t *testing.T) {
	c := newCLI(t, "")
	c.must("clients", "create", "--id", "a")
	const lacks = `"ES256" is not among keys.algorithms (RS256); add it there, or choose one of those`
	for alg, reason := range map[string]string{
		"ES256": lacks,
		"none":  `"none" would leave tokens unsigned, for anyone to write; it must be RS256, PS256, ES256 or EdDSA`,
		"HS256": `"HS256" signs with a secret that whoever verifies would have to share, and could sign with; it must be RS256, PS256, ES256 or EdDSA`,
		"ES384": `"ES384" must be RS256, PS256, ES256 or EdDSA`,
	} {
		for _, name := range []string{"--id-token-signed-response-alg", "--access-token-signed-response-alg"} {
			want := "signet: " + name + ": " + reason
			c.refused(want, "clients", "create", "--id", "b", name, alg)
			c.refused(want, "clients", "update", "a", name, alg)
		}
	}
	c.refused("signet: --id-token-signed-response-alg: "+lacks+"; --access-token-signed-response-alg: "+lacks,
		"clients", "create", "--id-token-signed-response-alg", "ES256", "--access-token-signed-response-alg", "ES256")
	if got := c.array("clients", "list"); len(got) != 1 || strings.Contains(c.must("clients", "show", "a"), "_alg") {
		t.Errorf("a refused command changed something: %v", got)
	}
}
