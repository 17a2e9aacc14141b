package e2e

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // to make a database look newer

	"signet/cmd/signet/server"
)

// buildDir is where binary puts what it builds; it goes when the tests end.
var buildDir string

func TestMain(m *testing.M) {
	var err error
	if buildDir, err = os.MkdirTemp("", "signet-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(buildDir)
	os.Exit(code)
}

// binary builds signet once for all tests of this package.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "signet")
	if out, err := exec.Command("go", "build", "-o", path, "signet/cmd/signet").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// install is an installation in a folder of its own, with the shipped
// config.yaml on a free port.
type install struct {
	t    testing.TB
	dir  string
	URL  string
	bin  string
	port string
}

func newInstall(t testing.TB) *install {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := os.ReadFile(filepath.Join("..", "..", "..", "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	in := &install{t: t, dir: t.TempDir(), bin: bin}
	if err := os.WriteFile(filepath.Join(in.dir, "config.yaml"), shipped, 0o644); err != nil {
		t.Fatal(err)
	}
	in.port = freePort(t)
	in.URL = "http://127.0.0.1:" + in.port
	return in
}

func freePort(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

func (in *install) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(in.t.Context(), in.bin, args...)
	cmd.Dir = in.dir
	cmd.Env = append(os.Environ(), "SIGNET_ISSUER="+in.URL, "SIGNET_LISTEN=127.0.0.1:"+in.port)
	return cmd
}

// run runs a command to its end.
func (in *install) run(args ...string) (stdout, stderr string, code int) {
	in.t.Helper()
	cmd := in.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		in.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// refuses runs a command that must fail with one line that says these words.
func (in *install) refuses(args []string, words ...string) {
	in.t.Helper()
	_, stderr, code := in.run(args...)
	if code != 1 || strings.Count(strings.TrimSpace(stderr), "\n") != 0 {
		in.t.Errorf("signet %s: exit %d, stderr:\n%s", strings.Join(args, " "), code, stderr)
	}
	for _, w := range words {
		if !strings.Contains(stderr, w) {
			in.t.Errorf("signet %s: the error does not say %q: %s", strings.Join(args, " "), w, stderr)
		}
	}
}

// serve starts the server and returns what it announced, and a stop that ends
// it with SIGTERM and reports its exit code.
func (in *install) serve() (where server.Announcement, stop func() int) {
	in.t.Helper()
	cmd, where := in.launch()
	var once sync.Once
	stop = func() int {
		once.Do(func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
		})
		return cmd.ProcessState.ExitCode()
	}
	in.t.Cleanup(func() { stop() })
	return where, stop
}

// launch starts the server and returns its process, which ends with the test
// at the latest and has a *syncBuffer as its Stderr, and what it announced.
func (in *install) launch() (*exec.Cmd, server.Announcement) {
	in.t.Helper()
	cmd := in.command("serve", "--json")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		in.t.Fatal(err)
	}
	errs := &syncBuffer{}
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	// It speaks once its port is bound: from here on requests are answered.
	var where server.Announcement
	if err := json.NewDecoder(stdout).Decode(&where); err != nil {
		in.t.Fatalf("not ready: %v\n%s", err, errs.String())
	}
	return cmd, where
}

// What a newcomer sees: one command makes everything, prints where it is, and
// a link that creates the first administrator once.
func TestFirstRun(t *testing.T) {
	in := newInstall(t)
	where, stop := in.serve()
	if where.Issuer != in.URL || where.Discovery != in.URL+"/.well-known/openid-configuration" || where.JWKS != in.URL+"/.well-known/jwks.json" {
		t.Errorf("announced %+v", where)
	}
	if left := time.Until(where.SetupExpires); left < 50*time.Minute || left > time.Hour {
		t.Errorf("the set-up link works for %s, want an hour", left)
	}
	checkModes(t, filepath.Join(in.dir, "data"))

	b := newBrowser(t)
	p := b.get(where.Setup)
	if p.Status != http.StatusOK {
		t.Fatalf("set-up link %q: %d %s", where.Setup, p.Status, p.Body)
	}
	p = b.submit(p, "create", map[string]string{"username": "root", "email": "root@example.test", "name": "Root", "password": testPassword})
	if p.Status != http.StatusOK {
		t.Fatalf("set-up: %d %s", p.Status, p.Body)
	}
	if again := newBrowser(t).get(where.Setup); again.Status == http.StatusOK || again.byID("create") != nil {
		t.Errorf("the set-up link works twice: %d", again.Status)
	}
	out, _, code := in.run("users", "list", "--json")
	var people []map[string]any
	if err := json.Unmarshal([]byte(out), &people); err != nil || code != 0 || len(people) != 1 || people[0]["username"] != "root" {
		t.Errorf("users list: exit %d, %v\n%s", code, err, out)
	}
	if code := stop(); code != 0 {
		t.Errorf("exit %d after SIGTERM", code)
	}
	if where, _ = in.serve(); where.Setup != "" {
		t.Errorf("a set-up link is made although there is an administrator: %s", where.Setup)
	}
}

// checkModes checks that nobody else can read the data folder.
func checkModes(t *testing.T, data string) {
	t.Helper()
	secrets := 0
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		} else if strings.Contains(path, "secrets") {
			secrets++
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s is %v, want %v", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil || secrets < 2 {
		t.Errorf("%d secrets, %v", secrets, err)
	}
}

// The commands work while the server runs, and the server sees at once what
// they did.
func TestCommandsBesideTheServer(t *testing.T) {
	in := newInstall(t)
	in.serve()
	out, stderr, code := in.run("clients", "create", "--id", "job", "--name", "A job", "--grant", "client_credentials",
		"--scope", "reports.read", "--audience", testAPI, "--json")
	var c map[string]any
	if err := json.Unmarshal([]byte(out), &c); err != nil || code != 0 {
		t.Fatalf("clients create: exit %d, %v\n%s%s", code, err, out, stderr)
	}
	i := &issuer{URL: in.URL}
	secret, _ := c["client_secret"].(string)
	a := i.post(t, "/oauth2/token", "job", secret, url.Values{"grant_type": {"client_credentials"}})
	if a.Status != http.StatusOK {
		t.Fatalf("token: %d %s", a.Status, a.Raw)
	}
	if out, stderr, code := in.run("token", "inspect", a.str("access_token")); code != 0 || !strings.Contains(out, "reports.read") {
		t.Errorf("token inspect: exit %d\n%s%s", code, out, stderr)
	}
	token := a.str("access_token")
	if out, stderr, code := in.run("token", "inspect", token[:len(token)-10]+"AAAAAAAAAA"); code != 1 || !strings.Contains(out+stderr, "signature") {
		t.Errorf("inspecting a forged token: exit %d\n%s%s", code, out, stderr)
	}
	if _, stderr, code := in.run("clients", "disable", "job"); code != 0 {
		t.Fatalf("clients disable: exit %d\n%s", code, stderr)
	}
	if a := i.post(t, "/oauth2/token", "job", secret, url.Values{"grant_type": {"client_credentials"}}); a.Status != http.StatusUnauthorized {
		t.Errorf("a disabled client got %d %s", a.Status, a.Raw)
	}
}

// A request under way when SIGTERM comes is answered; then the process ends
// with 0.
func TestGracefulStop(t *testing.T) {
	in := newInstall(t)
	_, stop := in.serve()
	conn, err := net.Dial("tcp", "127.0.0.1:"+in.port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := "grant_type=client_credentials&client_id=nobody&client_secret=x"
	fmt.Fprintf(conn, "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	r := bufio.NewReader(conn)
	// 100 Continue says that the handler is reading: the request is under way.
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	exit := make(chan int, 1)
	go func() { exit <- stop() }()
	for { // until the listener is closed
		c, err := net.Dial("tcp", "127.0.0.1:"+in.port)
		if err != nil {
			break
		}
		c.Close()
		time.Sleep(5 * time.Millisecond)
	}
	if _, err := io.WriteString(conn, body); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("the request under way was cut off: %v", err)
	}
	defer resp.Body.Close()
	if raw, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d %s %v", resp.StatusCode, raw, err)
	}
	if code := <-exit; code != 0 {
		t.Errorf("exit %d", code)
	}
}

// What an operator gets for a mistake: one line that says what and how to
// mend it, exit 1, and nothing made or lost.
func TestStartupMistakes(t *testing.T) {
	t.Run("the port is taken", func(t *testing.T) {
		in := newInstall(t)
		ln, err := net.Listen("tcp", "127.0.0.1:"+in.port)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		in.refuses([]string{"serve"}, in.port, "SIGNET_LISTEN")
		if _, err := os.Stat(filepath.Join(in.dir, "data")); err == nil {
			t.Error("a data folder was made")
		}
	})
	t.Run("the data folder cannot be written", func(t *testing.T) {
		in := newInstall(t)
		if err := os.WriteFile(filepath.Join(in.dir, "data"), []byte("a file"), 0o600); err != nil {
			t.Fatal(err)
		}
		in.refuses([]string{"serve"}, "data", "data_dir")
	})
	t.Run("no config.yaml", func(t *testing.T) {
		in := newInstall(t)
		if err := os.Remove(filepath.Join(in.dir, "config.yaml")); err != nil {
			t.Fatal(err)
		}
		in.refuses([]string{"serve"}, "config.yaml", "--config")
	})
	t.Run("a newer database", func(t *testing.T) {
		in := newInstall(t)
		_, stop := in.serve()
		stop()
		path := filepath.Join(in.dir, "data", "signet.db")
		db, err := sql.Open("sqlite3", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		in.refuses([]string{"serve"}, "newer")
		if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Error("the database of a newer release was touched")
		}
	})
	for name, mistake := range map[string]func(path string) error{
		"is lost":    os.Remove,
		"is another": func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte{7}, 32), 0o600) },
		"is cut":     func(path string) error { return os.Truncate(path, 5) },
	} {
		for _, secret := range []string{"server.key", "sealing.key"} {
			t.Run(secret+" "+name, func(t *testing.T) {
				in := newInstall(t)
				_, stop := in.serve()
				stop()
				path := filepath.Join(in.dir, "data", "secrets", secret)
				if err := mistake(path); err != nil {
					t.Fatal(err)
				}
				before, _ := os.ReadFile(path)
				in.refuses([]string{"serve"}, strings.TrimSuffix(secret, ".key"))
				if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
					t.Error("a new secret was made silently")
				}
			})
		}
	}
	t.Run("a client's secret file is missing", func(t *testing.T) {
		in := newInstall(t)
		f, err := os.OpenFile(filepath.Join(in.dir, "extra.yaml"), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(f, "clients:\n  - client_id: app\n    client_secret_file: /nowhere/secret\n    redirect_uris: [https://app.example.test/cb]\n")
		f.Close()
		in.refuses([]string{"serve", "--config", "extra.yaml"}, "extra.yaml:3", "/nowhere/secret")
	})
}
