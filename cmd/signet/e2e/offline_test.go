package e2e

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
)

// nodeModules is where .ci/run has installed the npm packages.
func nodeModules(t testing.TB, pkg string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", ".ci", "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, pkg)); err != nil {
		missing(t, "no npm package "+pkg+" here (npm ci --prefix .ci)")
	}
	return dir
}

// verifier is something that says whether it accepts an access token.
type verifier func(token string) (sub string, ok bool)

func goVerifier(t *testing.T, i *issuer) verifier {
	set := oidc.NewRemoteKeySet(t.Context(), i.URL+"/.well-known/jwks.json")
	v := oidc.NewVerifier(i.URL, set, &oidc.Config{ClientID: testAPI})
	return func(token string) (string, bool) {
		id, err := v.Verify(t.Context(), token)
		if err != nil {
			return "", false
		}
		return id.Subject, true
	}
}

// joseVerifier runs npm's jose in a Node process.
func joseVerifier(t *testing.T, i *issuer) verifier {
	ask := askNode(t, "jose", "verify.mjs", i.URL, testAPI)
	return func(token string) (string, bool) {
		var answer struct{ Sub, Error string }
		if err := ask(map[string]string{"token": token}, &answer); err != nil {
			t.Fatal(err)
		}
		return answer.Sub, answer.Error == ""
	}
}

// TestOfflineVerification: a JWT from the code flow is verified by verifiers
// that others wrote, in two languages, by the JWKS alone; with one byte changed
// anywhere it is refused, and so is the ID token as an access token. (Our own
// endpoints: TestChangedTokens.)
func TestOfflineVerification(t *testing.T) {
	for name, open := range map[string]func(*testing.T, *issuer) verifier{"go-oidc": goVerifier, "npm jose": joseVerifier} {
		t.Run(name, func(t *testing.T) {
			i := start(t)
			ada := i.person(t, "ada")
			tokens := i.tokens(t, newBrowser(t), "ada", "app", i.webApp(t, "app"))
			accepts, token := open(t, i), tokens.str("access_token")
			if sub, ok := accepts(token); !ok || sub != ada.ID {
				t.Fatalf("the genuine token: %q, %t", sub, ok)
			}
			if _, ok := accepts(tokens.str("id_token")); ok {
				t.Error("the ID token was accepted as an access token")
			}
			accepted := 0
			for n := range token {
				changed := token[:n] + flip(token[n]) + token[n+1:]
				if _, ok := accepts(changed); ok {
					accepted++
					if !sameContent(token, changed) {
						t.Errorf("accepted with byte %d changed from %q to %q", n, token[n], changed[n])
					}
				}
			}
			t.Logf("%d changed bytes: %d refused, %d read as the very same token", len(token), len(token)-accepted, accepted)
		})
	}
}

// sameContent reports whether two tokens decode to the same bytes: the last
// character of a base64url segment can hold bits that lenient decoders do not
// read (RFC 4648, section 3.5), and changing those changes nothing.
func sameContent(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	return len(as) == len(bs) && slices.EqualFunc(as, bs, func(x, y string) bool {
		dx, errX := base64.RawURLEncoding.DecodeString(x)
		dy, errY := base64.RawURLEncoding.DecodeString(y)
		return errX == nil && errY == nil && bytes.Equal(dx, dy)
	})
}
