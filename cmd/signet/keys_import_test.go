package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"signet/keys"
)

// foreignKey is a key of another issuer, as PEM, and a token that it signed.
func foreignKey(t *testing.T, kid string) (private, public, token string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	open, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(good(claims{"iss": "https://old.example.com"}))
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	input := b64([]byte(`{"alg":"RS256","kid":"`+kid+`","typ":"at+jwt"}`)) + "." + b64(payload)
	sum := sha256.Sum256([]byte(input))
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open})), input + "." + b64(sig)
}

func TestKeysImportBeforeTheFirstServe(t *testing.T) {
	c := newCLI(t, "")
	private, _, token := foreignKey(t, "2024-01")
	file := c.write("old.pem", private)
	out := c.must("keys", "import", file, "--kid", "2024-01")
	if !strings.Contains(out, `It is the first key: "signet serve" signs with it from its start on.`) || !strings.Contains(out, "destroy it there") {
		t.Errorf("got %s", out)
	}
	room := c.serving()
	if all := room.ring.Keys(); len(all) != 1 || all[0].KID != "2024-01" || all[0].State != keys.StateActive {
		t.Errorf("the server has the keys %v", all)
	}
	if v, err := room.ring.Verify(token); err != nil || v.KID != "2024-01" {
		t.Errorf("the token of the former issuer: %v", err)
	}
	if v, err := room.ring.Verify(sign(t, room.ring, "at+jwt", good(nil))); err != nil || v.KID != "2024-01" {
		t.Errorf("the server signs with %q: %v", v.KID, err)
	}
}

func TestKeysImportBesideAServer(t *testing.T) {
	c := newCLI(t, "")
	first := c.serving().ring.Keys()[0].KID
	private, _, _ := foreignKey(t, "next")
	c.stdin = private
	got := c.object("keys", "import", "-", "--kid", "next")
	if got["kid"] != "next" || got["state"] != "announced" || got["generation"] != 2.0 || got["verify_only"] != false {
		t.Errorf("got %v", got)
	}
	private, _, _ = foreignKey(t, "now")
	code, _, errs := c.run("keys", "import", c.write("now.pem", private), "--kid", "now", "--now")
	if code != exitRefused || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "another key is announced already") {
		t.Errorf("exit %d: %s", code, errs)
	}
	if out := rows(c.must("keys", "list")); len(out) != 5 || !strings.HasPrefix(out[2], "hands over to next on ") || !strings.HasPrefix(out[1], first) {
		t.Errorf("got %q", out)
	}
	code, _, errs = c.run("keys", "import", c.dir+"/now.pem", "--kid", "next")
	if code != exitRefused || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, `a key with the id "next" is there already`) {
		t.Errorf("exit %d: %s", code, errs)
	}
	c.must("keys", "rotate", "--now")
	if out := c.must("keys", "import", c.dir+"/now.pem", "--kid", "now", "--now"); !strings.Contains(out, "It signs from now on") || !strings.Contains(out, "WARNING") {
		t.Errorf("got %s", out)
	}
}

func TestKeysImportToVerifyAlone(t *testing.T) {
	c, _ := newKeysCLI(t, "")
	c.serving()
	_, public, token := foreignKey(t, "old one")
	file := c.write("old.pub", public)
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	out := c.must("keys", "import", file, "--kid", "old one", "--verify-only", "--keep-for", "30d")
	if !strings.Contains(out, "published until 2026-12-20 12:00:00 UTC") || !strings.Contains(out, "within 1m; every verifier has it by 2026-11-20 12:22:00 UTC") || strings.Contains(out, "destroy") {
		t.Errorf("got %s", out)
	}
	got := c.array("keys", "list")[1]
	if got["verify_only"] != true || got["state"] != "verify-only" || got["active_at"] != nil || got["removed_at"] != "2026-12-20T12:00:00Z" {
		t.Errorf("got %v", got)
	}
	if out := rows(c.must("keys", "list")); out[3] != "old one RS256 2 verify-only - -" || out[4] != "verifies tokens of another issuer until 2026-12-20 12:00:00 UTC" {
		t.Errorf("got %q", out)
	}
	// Its signature is good; its issuer is another one, and stays so.
	code, _, errs := c.run("token", "inspect", token)
	if code != exitRefused || strings.Contains(errs, "kid") || strings.Contains(errs, "signature") || !strings.Contains(errs, `its issuer is "https://old.example.com"`) {
		t.Errorf("exit %d: %s", code, errs)
	}
	code, out, _ = c.run("keys", "revoke", "old one", "--reason", "r")
	if code != exitDone || !strings.Contains(out, "the tokens of the other issuer that it signed") || !strings.Contains(out, ", as before") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestKeysImportOfAnotherSignetsJWKS(t *testing.T) {
	old, c := newCLI(t, ""), newCLI(t, "")
	kid := old.serving().ring.Keys()[0].KID
	c.stdin = old.must("keys", "export", "--public")
	if got := c.object("keys", "import", "-", "--verify-only"); got["kid"] != kid || got["state"] != "verify-only" {
		t.Errorf("got %v", got)
	}
	// A key that only verifies is none to begin with.
	if all := c.serving().ring.Keys(); len(all) != 2 || all[1].State != keys.StateActive {
		t.Errorf("the server has the keys %v", all)
	}
}

func TestKeysImportRefusals(t *testing.T) {
	c := newCLI(t, "")
	private, public, _ := foreignKey(t, "k")
	c.write("private.pem", private)
	c.write("public.pem", public)
	c.write("text", "hello")
	for _, v := range []struct{ args, want string }{
		{"none", "cannot read the key: open none: no such file"},
		{"text", "cannot take the key in text: the file is neither PEM nor a JWK"},
		{"private.pem", "the file does not say which id the key has"},
		{"private.pem --kid k --alg ES256", "the key is not one for ES256"},
		{"public.pem --kid k", "import it as verify-only"},
		{"private.pem --kid k --alg PS256", "the key is one for PS256, which keys.algorithms does not have: add it there"},
	} {
		args := strings.Split(v.args, " ")
		args[0] = c.dir + "/" + args[0]
		code, out, errs := c.run(append([]string{"keys", "import"}, args...)...)
		if code != exitRefused || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, v.want) {
			t.Errorf("%s: exit %d\n got %q\nwant %q", v.args, code, errs, v.want)
		}
	}
	if got := c.array("keys", "list"); len(got) != 0 {
		t.Errorf("refused imports left %v", got)
	}
	if err := os.Chmod(c.dir+"/private.pem", 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, errs := c.run("keys", "import", c.dir+"/private.pem", "--kid", "k")
	if code != exitDone || errs != "signet: private.pem holds a private key, and other users may read it (chmod 600)\n" {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestKeysExport(t *testing.T) {
	c := newCLI(t, "")
	room := c.serving()
	_, public, _ := foreignKey(t, "old")
	c.must("keys", "import", c.write("old.pub", public), "--kid", "old", "--verify-only")
	var set, served struct{ Keys []map[string]any }
	c.decode(c.must("keys", "export", "--public"), &set)
	now, err := c.serving().ring.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	c.decode(string(now.Body), &served)
	first := room.ring.Keys()[0].KID
	if len(set.Keys) != 2 || len(served.Keys) != 2 || set.Keys[0]["kid"] != first || set.Keys[0]["n"] != served.Keys[0]["n"] || set.Keys[0]["use"] != "sig" {
		t.Errorf("exported\n%v, served\n%v", set, served)
	}
	for _, key := range set.Keys {
		for _, secret := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if key[secret] != nil {
				t.Errorf("%q of a private key was exported", secret)
			}
		}
	}
	if got := c.object("keys", "export", "--public", "--kid", "old")["keys"].([]any); len(got) != 1 || got[0].(map[string]any)["kid"] != "old" {
		t.Errorf("got %v", got)
	}
	if got := c.must("keys", "export", "--public", "--kid", "old", "--pem"); got != public {
		t.Errorf("got %s, want %s", got, public)
	}
	all := []byte(c.must("keys", "export", "--public", "--pem"))
	if !bytes.HasPrefix(all, []byte("RS256 "+first+"\n-----BEGIN PUBLIC KEY-----\n")) || !bytes.Contains(all, []byte("RS256 old\n"+public)) {
		t.Errorf("got %s", all)
	}
	c.refused(`signet: there is no key "olds"; did you mean old? "signet keys list --all" shows all`, "keys", "export", "--public", "--kid", "olds")
	c.run("keys", "revoke", "old", "--reason", "r")
	c.refused(`signet: the key "old" is revoked, so it is not published; "signet keys list" shows those that are`, "keys", "export", "--public", "--kid", "old")
}
