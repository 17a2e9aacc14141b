package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"signet/authz"
	"signet/authz/store"
	"signet/keys"
)

// room is the database and keys of the folder, as a running server has them.
func (c *cli) room() (*store.Store, *keys.Ring) {
	c.t.Helper()
	room := c.serving()
	return room.st, room.ring
}

type claims map[string]any

// sign signs claims with the default algorithm.
func sign(t *testing.T, ring *keys.Ring, typ string, c claims) string {
	t.Helper()
	return signWith(t, ring, "", typ, c)
}

func signWith(t *testing.T, ring *keys.Ring, alg, typ string, c claims) string {
	t.Helper()
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	alg, err = ring.SigningAlg(alg)
	if err != nil {
		t.Fatal(err)
	}
	token, err := ring.Sign(alg, typ, payload)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// good are the claims of a valid access token, changed by more; nil takes one
// out.
func good(more claims) claims {
	now := time.Now()
	c := claims{"iss": "http://127.0.0.1:9096", "sub": "ada", "aud": []string{"https://api.example.com"}, "client_id": "shop",
		"scope": "openid", "iat": now.Unix(), "exp": now.Add(10*time.Minute + 30*time.Second).Unix(), "jti": "j1"}
	for name, value := range more {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

func TestTokenInspectSaysWhatIsWrong(t *testing.T) {
	c := newCLI(t, "")
	st, ring := c.room()
	access := sign(t, ring, "at+jwt", good(nil))
	parts := strings.Split(access, ".")
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	revoked := sign(t, ring, "at+jwt", good(claims{"jti": "j2"}))
	if err := st.RevokeToken(context.Background(), "j2", authz.StatusIndex{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]struct{ token, want string }{
		"expired":         {sign(t, ring, "at+jwt", good(claims{"exp": ago(3*time.Minute + 20*time.Second)})), "it expired 3 min ago, at "},
		"no expiry":       {sign(t, ring, "at+jwt", good(claims{"exp": nil})), "it has no expiry (exp)"},
		"from the future": {sign(t, ring, "at+jwt", good(claims{"iat": ago(-10*time.Minute - 30*time.Second)})), "it was issued 10 min in the future: the clocks differ"},
		"not yet":         {sign(t, ring, "at+jwt", good(claims{"nbf": ago(-time.Hour)})), "it is not valid before "},
		"wrong issuer":    {sign(t, ring, "at+jwt", good(claims{"iss": "https://other.example.com"})), `its issuer is "https://other.example.com" and not "http://127.0.0.1:9096"`},
		"no issuer":       {sign(t, ring, "at+jwt", good(claims{"iss": nil})), "it names no issuer (iss)"},
		"ID token":        {sign(t, ring, "JWT", good(claims{"scope": nil, "nonce": "n"})), "it is an ID token and not an access token: "},
		"other type":      {sign(t, ring, "logout+jwt", good(nil)), `its typ is "logout+jwt", which is neither`},
		"revoked":         {revoked, "it was revoked"},
		"changed":         {parts[0] + "." + strings.Replace(parts[1], "A", "B", 1) + "." + parts[2], "its "},
		"cut off":         {access[:len(access)-4], "cut off while copying"},
		"other key":       {encode(`{"alg":"RS256","kid":"nope","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2], `its kid "nope" is not in the JWKS, which has ` + ring.Keys()[0].KID},
		"no kid":          {encode(`{"alg":"RS256","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2], "its header has no kid"},
		"alg none":        {encode(`{"alg":"none","typ":"at+jwt"}`) + "." + parts[1] + ".", "it is not signed (alg is none)"},
		"alg HS256":       {encode(`{"alg":"HS256","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2], `its alg is "HS256"; this server signs with one of RS256, PS256, ES256, EdDSA`},
		"encrypted":       {"a.b.c.d.e", "it is an encrypted JWT (JWE)"},
		"opaque":          {"sgr_abcdef", "it is not a JWT: "},
		"garbage":         {"???.e30.x", "its header cannot be read: not base64url"},
		"no object":       {encode("[]") + ".e30.x", "its header cannot be read: not a JSON object"},
		"bad claim":       {parts[0] + "." + encode(`{"exp":"soon"}`) + "." + parts[2], "its claims have a value of a wrong type"},
	} {
		code, out, errs := c.run("token", "inspect", v.token, "--json")
		var got inspection
		c.decode(out, &got)
		if code != exitRefused || strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "signet: the token is not valid: ") || !strings.Contains(errs, v.want) {
			t.Errorf("%s: exit %d\n got %s\nwant %s", name, code, errs, v.want)
		}
		if got.Valid || len(got.Problems) == 0 {
			t.Errorf("%s: %s", name, out)
		}
	}
}

func TestTokenInspectOfAValidToken(t *testing.T) {
	c := newCLI(t, "")
	_, ring := c.room()
	access := sign(t, ring, "at+jwt", good(claims{"name": "\u009b2J"}))
	for _, arg := range []string{access, "Bearer " + access, " " + access + "\n"} {
		got := c.object("token", "inspect", arg)
		if got["valid"] != true || got["token_type"] != "access_token" || got["claims"].(map[string]any)["sub"] != "ada" || got["header"].(map[string]any)["typ"] != "at+jwt" {
			t.Errorf("got %v", got)
		}
	}
	c.stdin = access + "\n"
	out := c.must("token", "inspect", "-")
	if !strings.Contains(out, "This is a valid access token, for another 10 min.") || strings.Contains(out, "\u009b") {
		t.Errorf("got %s", out)
	}
	id := sign(t, ring, "JWT", good(claims{"scope": nil, "jti": nil}))
	if got := c.object("token", "inspect", id, "--id-token"); got["valid"] != true || got["token_type"] != "id_token" {
		t.Errorf("got %v", got)
	}
	if code, _, errs := c.run("token", "inspect", access, "--id-token"); code != exitRefused || !strings.Contains(errs, "it is an access token and not an ID token") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestTokenInspectOfEveryAlgorithm(t *testing.T) {
	c := newCLI(t, "keys: {algorithms: ["+strings.Join(keys.Algorithms(), ", ")+"]}\n")
	_, ring := c.room()
	for _, alg := range keys.Algorithms() {
		token := signWith(t, ring, alg, "at+jwt", good(nil))
		got := c.object("token", "inspect", token)
		if header := got["header"].(map[string]any); got["valid"] != true || header["alg"] != alg {
			t.Errorf("%s: got %v", alg, got)
		}
		// The key decides on the algorithm, not the header (RFC 8725, section 3.1).
		parts := strings.Split(token, ".")
		for _, other := range keys.Algorithms() {
			header, _ := json.Marshal(map[string]any{"alg": other, "kid": got["header"].(map[string]any)["kid"], "typ": "at+jwt"})
			changed := base64.RawURLEncoding.EncodeToString(header) + "." + parts[1] + "." + parts[2]
			if code, _, errs := c.run("token", "inspect", changed); other != alg && code != exitRefused {
				t.Errorf("%s said to be %s: exit %d, %s", alg, other, code, errs)
			}
		}
	}
}

func TestTokenInspectWithARemoteJWKS(t *testing.T) {
	c := newCLI(t, "")
	_, ring := c.room()
	access := sign(t, ring, "at+jwt", good(claims{"iss": "https://id.example.com"}))
	set, err := ring.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/jwks":
			w.Write(set.Body)
		case "/page":
			w.Write([]byte("<html>"))
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()

	// No configuration is needed for that.
	t.Chdir(t.TempDir())
	c.write("config.yaml", "broken: [")
	if got := c.object("token", "inspect", access, "--jwks", srv.URL+"/jwks"); got["valid"] != true {
		t.Errorf("got %v", got)
	}
	c.refused("signet: cannot get the JWKS from "+srv.URL+"/none: the answer is 404 Not Found", "token", "inspect", access, "--jwks", srv.URL+"/none")
	c.refused("signet: cannot get the JWKS from "+srv.URL+`/page: what was found there is not a JWKS: a JSON object with a list "keys"`, "token", "inspect", access, "--jwks", srv.URL+"/page")
	srv.Close()
	if code, _, errs := c.run("token", "inspect", access, "--jwks", srv.URL+"/jwks"); code != exitRefused || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "connection refused") {
		t.Errorf("exit %d: %s", code, errs)
	}
}
