package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"signet/clients"
)

// The programs of docs/client-authentication.md do what it says they do.
func TestGuideToClientAuthentication(t *testing.T) {
	for _, program := range []string{"bash", "openssl", "node", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, "no "+program+" here: the guide's programs cannot run")
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "client-authentication.md"))
	must(t, err)
	shell, js := blocks(string(text), "sh"), blocks(string(text), "js")
	if len(shell) != 2 || len(js) != 1 {
		t.Fatalf("%d programs in sh and %d in js, want 2 and 1", len(shell), len(js))
	}
	i, dir := start(t), t.TempDir()
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "ISSUER="+i.URL)
		errs := &syncBuffer{}
		cmd.Stderr = errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s%s", name, err, out, errs.String())
		}
		return strings.TrimSpace(string(out))
	}
	run("bash", "-euo", "pipefail", "-c", shell[0])
	set, err := os.ReadFile(filepath.Join(dir, "jwks.json"))
	must(t, err)
	i.webApp(t, "shop", credentialsOnly, func(c *clients.Client) {
		c.TokenEndpointAuthMethod, c.Secrets, c.JWKS = clients.AuthMethodPrivateKeyJWT, nil, json.RawMessage(strings.TrimSpace(string(set)))
	})

	var byHand struct {
		Token string `json:"access_token"`
	}
	out := run("bash", "-euo", "pipefail", "-c", shell[1])
	if err := json.Unmarshal([]byte(out), &byHand); err != nil || byHand.Token == "" {
		t.Fatalf("by hand: %v %s", err, out)
	}
	program := strings.ReplaceAll(js[0], "http://127.0.0.1:9096", i.URL)
	must(t, os.WriteFile(filepath.Join(dir, "shop.mjs"), []byte(program), 0o600))
	must(t, os.Symlink(nodeModules(t, "openid-client"), filepath.Join(dir, "node_modules")))
	for how, token := range map[string]string{"by hand": byHand.Token, "with a library": run("node", "shop.mjs")} {
		if sub := decodeSegment(t, token, 1)["sub"]; sub != "shop" {
			t.Errorf("%s: a token for %v", how, sub)
		}
	}
}

// blocks are the programs in one language of a guide.
func blocks(text, language string) []string {
	var out []string
	for _, part := range strings.Split(text, "\n```"+language+"\n")[1:] {
		program, _, _ := strings.Cut(part, "\n```\n")
		out = append(out, program)
	}
	return out
}
