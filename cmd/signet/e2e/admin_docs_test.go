package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The examples of docs/admin-api.md run as they stand, one after the other.
func TestAdminDocumentedCalls(t *testing.T) {
	for _, tool := range []string{"curl", "bash"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, "no "+tool)
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "admin-api.md"))
	must(t, err)
	in := newInstall(t)
	_, stop := in.serve()
	defer stop()
	script := "set -euo pipefail\n"
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(text, -1) {
		script += string(block[1])
	}
	script = strings.ReplaceAll(script, "http://127.0.0.1:9096", in.URL)
	must(t, os.Symlink(in.bin, filepath.Join(in.dir, "signet")))
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = in.dir
	cmd.Env = append(in.command().Env, "PATH="+in.dir+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, part := range []string{`"client_name":"The new shop"`, `"client_secret":"`, `"disabled":true`, `"items":[]`, `"state":"announced"`} {
		if !strings.Contains(string(out), part) {
			t.Errorf("no %s in\n%s", part, out)
		}
	}
}
