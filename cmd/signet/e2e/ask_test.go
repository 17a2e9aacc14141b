package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// asker writes a line of JSON to a process and reads one from it.
type asker func(question, answer any) error

// askProcess starts a process that answers each line with one line, until the
// test ends. It may be asked by several at once.
func askProcess(t *testing.T, cmd *exec.Cmd, env ...string) asker {
	t.Helper()
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	var mu sync.Mutex
	lines := bufio.NewReader(out)
	return func(question, answer any) error {
		mu.Lock()
		defer mu.Unlock()
		text, err := json.Marshal(question)
		if err != nil {
			return err
		}
		if _, err := in.Write(append(text, '\n')); err != nil {
			return err
		}
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("the process has ended: %w", errors.Join(err, io.ErrUnexpectedEOF))
		}
		if err := json.Unmarshal(line, answer); err != nil {
			return fmt.Errorf("%w: %q", err, line)
		}
		return nil
	}
}

// askNode runs a script of testdata that uses an npm package.
func askNode(t *testing.T, pkg, script string, args ...string) asker {
	t.Helper()
	modules := nodeModules(t, pkg)
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "no Node here: tokens are not verified by another language")
	}
	cmd := exec.CommandContext(t.Context(), node, append([]string{filepath.Join("testdata", script)}, args...)...)
	return askProcess(t, cmd, "SIGNET_NODE_MODULES="+modules)
}
