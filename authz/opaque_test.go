package authz

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

const testTokenID = "ffeeddccbbaa99887766554433221100"

func TestOpaqueAccessTokenRoundTrip(t *testing.T) {
	c := testCredentials(t, 1)
	for _, claims := range []string{"", "{}", `{"sub":"ada"}`, strings.Repeat("x", 8<<10)} {
		token, err := c.accessToken(testTokenID, []byte(claims))
		if err != nil {
			t.Fatal(err)
		}
		if id, got, err := c.parseAccessToken(token); err != nil || id != testTokenID || string(got) != claims {
			t.Errorf("parsed as %q, %q, %v", id, got, err)
		}
		if claims != "" && claims != "{}" && strings.Contains(token, claims) {
			t.Error("the claims can be read off the token")
		}
	}
	for name, id := range map[string]string{"none": "", "short": "00", "not hexadecimal": strings.Repeat("x", 32)} {
		if _, err := c.accessToken(id, nil); err == nil {
			t.Errorf("made with an id that is %s", name)
		}
	}
	if _, err := c.accessToken(testTokenID, make([]byte, maxOpaque)); err == nil {
		t.Error("made larger than it may be presented")
	}
}

// One artefact used as another: nothing that is not an opaque access token
// opens as one, whatever prefix is put before it, nor the other way round.
func TestOpaqueAccessTokenIsNothingElse(t *testing.T) {
	c, other := testCredentials(t, 1), testCredentials(t, 2)
	code, _ := c.code(testGrantID)
	refresh, _ := c.refreshToken(testGrantID, 1)
	access, _ := c.accessToken(testTokenID, []byte("{}"))
	// As long as a code and a refresh token are.
	asCode, _ := c.accessToken(testTokenID, make([]byte, grantIDBytes+macBytes-32))
	asRefresh, _ := c.accessToken(testTokenID, make([]byte, grantIDBytes+4+macBytes-32))
	for name, bad := range map[string]string{
		"code": code, "refresh token": refresh, "no prefix": strings.TrimPrefix(access, accessPrefix),
		"code in its prefix": accessPrefix + strings.TrimPrefix(code, codePrefix), "refresh token in its prefix": accessPrefix + strings.TrimPrefix(refresh, refreshPrefix),
		"prefix alone": accessPrefix, "nothing": "", "too large": accessPrefix + strings.Repeat("A", maxOpaque),
		"line break": access[:20] + "\n" + access[20:], "padding": access + "=", "two": access + access,
	} {
		if _, _, err := c.parseAccessToken(bad); !errors.Is(err, errCredential) {
			t.Errorf("%s as an opaque access token: %v", name, err)
		}
	}
	if _, _, err := other.parseAccessToken(access); !errors.Is(err, errCredential) {
		t.Errorf("under another secret: %v", err)
	}
	for _, token := range []string{access, asCode, asRefresh} {
		body := strings.TrimPrefix(token, accessPrefix)
		for _, s := range []string{token, codePrefix + body, refreshPrefix + body} {
			if _, err := c.parseCode(s); err == nil {
				t.Errorf("%q opens as a code", s)
			}
			if _, _, err := c.parseRefreshToken(s); err == nil {
				t.Errorf("%q opens as a refresh token", s)
			}
		}
	}
}

func TestOpaqueAccessTokenChangedOrCut(t *testing.T) {
	c := testCredentials(t, 1)
	token, err := c.accessToken(testTokenID, []byte(`{"sub":"ada"}`))
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(token) {
		if _, _, err := c.parseAccessToken(token[:n]); err == nil {
			t.Errorf("accepted when cut to %d bytes", n)
		}
		for _, b := range []byte("Az09-_") {
			if b == token[n] {
				continue
			}
			if _, _, err := c.parseAccessToken(token[:n] + string(b) + token[n+1:]); err == nil {
				t.Errorf("accepted with byte %d changed to %q", n, b)
			}
		}
	}
}

// A token whose claims name another id than the one it is sealed under would be
// revoked under one and looked up under the other.
func TestOpaqueAccessTokenHasOneID(t *testing.T) {
	p := &Provider{credentials: testCredentials(t, 1)}
	claims, err := json.Marshal(accessClaims{ID: testGrantID})
	if err != nil {
		t.Fatal(err)
	}
	for name, claims := range map[string][]byte{"another id": claims, "no claims": []byte("x")} {
		token, err := p.credentials.accessToken(testTokenID, claims)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.openAccessToken(token, &accessClaims{}); !errors.Is(err, errToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzOpaqueAccessToken(f *testing.F) {
	c := testCredentials(f, 1)
	token, err := c.accessToken(testTokenID, []byte(`{"sub":"ada"}`))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{token, "", "sga_", "sga_!", token[:30], strings.Repeat("sga_", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if id, claims, err := c.parseAccessToken(s); err == nil {
			if again, _ := c.accessToken(id, claims); again != s {
				t.Errorf("%q parses as an opaque access token but is made as %q", s, again)
			}
		}
	})
}
