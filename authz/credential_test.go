package authz

import (
	"bytes"
	"strings"
	"testing"
)

func testCredentials(t testing.TB, fill byte) *credentials {
	t.Helper()
	c, err := newCredentials(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const testGrantID = "00112233445566778899aabbccddeeff"

func TestCredentialsRoundTrip(t *testing.T) {
	c := testCredentials(t, 1)
	code, err := c.code(testGrantID)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := c.parseCode(code); err != nil || id != testGrantID {
		t.Errorf("parseCode = %q, %v", id, err)
	}
	token, err := c.refreshToken(testGrantID, 7)
	if err != nil {
		t.Fatal(err)
	}
	if id, generation, err := c.parseRefreshToken(token); err != nil || id != testGrantID || generation != 7 {
		t.Errorf("parseRefreshToken = %q, %d, %v", id, generation, err)
	}
	if again, _ := c.refreshToken(testGrantID, 7); again != token {
		t.Error("the successor of a refresh token must come out the same again")
	}
}

// A code is no refresh token and the other way round, and neither is one of
// another server (keycloak CVE-2026-4282: one artefact used as another).
func TestCredentialsAreNotInterchangeable(t *testing.T) {
	c, other := testCredentials(t, 1), testCredentials(t, 2)
	code, _ := c.code(testGrantID)
	token, _ := c.refreshToken(testGrantID, 1)
	for name, got := range map[string]error{
		"code as refresh token":          second(c.parseRefreshToken(code)),
		"code in the token's prefix":     second(c.parseRefreshToken(refreshPrefix + strings.TrimPrefix(code, codePrefix))),
		"refresh token as code":          first(c.parseCode(token)),
		"refresh token in code's prefix": first(c.parseCode(codePrefix + strings.TrimPrefix(token, refreshPrefix))),
		"code under another secret":      first(other.parseCode(code)),
		"token under another secret":     second(other.parseRefreshToken(token)),
	} {
		if got == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func first(_ string, err error) error         { return err }
func second(_ string, _ int, err error) error { return err }

// Every changed, cut or added character is refused.
func TestCredentialsTampered(t *testing.T) {
	c := testCredentials(t, 1)
	token, _ := c.refreshToken(testGrantID, 1)
	for i := range token {
		for _, b := range []byte("Aa0_-=.\x00") {
			if token[i] == b {
				continue
			}
			if _, _, err := c.parseRefreshToken(token[:i] + string(b) + token[i+1:]); err == nil {
				t.Errorf("accepted with byte %d changed to %q", i, b)
			}
		}
		if _, _, err := c.parseRefreshToken(token[:i]); err == nil {
			t.Errorf("accepted when cut to %d bytes", i)
		}
	}
	for _, s := range []string{token + "A", token + "=", " " + token, token + "\n"} {
		if _, _, err := c.parseRefreshToken(s); err == nil {
			t.Errorf("accepted %q", s)
		}
	}
}

func FuzzCredentials(f *testing.F) {
	c := testCredentials(f, 1)
	code, _ := c.code(testGrantID)
	token, _ := c.refreshToken(testGrantID, 3)
	for _, seed := range []string{code, token, "", "sgc_", "sgr_", "sgc_!", strings.Repeat("sgr_", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := c.parseCode(s); err == nil {
			if again, _ := c.code(id); again != s {
				t.Errorf("%q parses as a code but is made as %q", s, again)
			}
		}
		if id, generation, err := c.parseRefreshToken(s); err == nil {
			if again, _ := c.refreshToken(id, generation); again != s {
				t.Errorf("%q parses as a refresh token but is made as %q", s, again)
			}
		}
	})
}
