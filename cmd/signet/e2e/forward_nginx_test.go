package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"signet/authz/login"
	"signet/cmd/signet/config"
)

// firstBlock is the first code block of a language in a page of docs.
func firstBlock(t testing.TB, name, language string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "```"+language+"\n")
	block, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatalf("docs/%s has no %s block", name, language)
	}
	return block
}

// tool finds a program that Debian keeps outside of the path of plain users.
func tool(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if path := "/usr/sbin/" + name; fileExists(path) {
		return path
	}
	return ""
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// startDaemon runs a server until the test ends, and waits until url answers.
func startDaemon(t testing.TB, url string, cmd *exec.Cmd) {
	t.Helper()
	log := &syncBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("%s:\n%s", cmd.Path, log)
		}
	})
	for {
		resp, err := http.DefaultTransport.RoundTrip(httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))
		if err == nil {
			resp.Body.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended: %v\n%s", cmd.Path, err, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// startNginx runs the nginx of docs/forward-auth.md on free ports, in a folder of its
// own, in front of a static site and of app. It returns the site's host and an issuer.
func startNginx(t *testing.T, app string) (i *issuer, host string) {
	t.Helper()
	nginx := tool("nginx")
	if nginx == "" {
		missing(t, "nginx is not installed: apt-get install nginx-light")
	}
	dir, site := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{"index.html": "the front page", "deep/page.html": "the very page"} {
		file := filepath.Join(site, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	host = "127.0.0.1:" + freePort(t)
	i = start(t, func(c *config.Config) {
		c.ForwardAuth.Hosts = []config.ForwardHost{{Host: host, Name: "The wiki", Groups: []string{"staff"}}}
	})
	block := regexp.MustCompile(`(?m)^ *ssl_certificate.*\n`).ReplaceAllString(firstBlock(t, "forward-auth.md", "nginx"), "")
	block = strings.NewReplacer(
		"listen 443 ssl;", "listen "+host+";", "server_name wiki.example.com;", "server_name _;",
		"https://wiki.example.com", "http://"+host, "http://127.0.0.1:9096", i.URL, "http://127.0.0.1:8080", app, "/srv/wiki", site,
	).Replace(block)
	conf := "daemon off; master_process off; error_log stderr; pid " + dir + "/pid;\nevents {}\nhttp {\naccess_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		conf += kind + "_temp_path " + filepath.Join(dir, kind) + ";\n"
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf+block+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	startDaemon(t, "http://"+host+"/", exec.Command(nginx, "-p", dir, "-e", "stderr", "-c", file))
	return i, host
}

// A static site behind Debian's nginx and its auth_request, set up as the guide says.
func TestForwardAuthBehindNginx(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range identityHeaders {
			_, _ = io.WriteString(w, strings.Join(r.Header[name], ",")+"|")
		}
	}))
	defer app.Close()
	i, host := startNginx(t, app.URL)
	i.person(t, "ada")
	eve := i.person(t, "eve")
	if _, err := i.Login.UpdatePerson(t.Context(), eve.ID, func(p *login.Person) error { p.Groups = []string{"guests"}; return nil }); err != nil {
		t.Fatal(err)
	}
	site := "http://" + host
	ada := newBrowser(t)

	// Anonymous: nothing of the site, whatever the method, and no identity by saying so.
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		req, _ := http.NewRequestWithContext(t.Context(), method, site+"/deep/page.html", nil)
		req.Header.Set("Remote-User", "root")
		req.Header.Set("X-Forwarded-Host", "elsewhere.test")
		req.Header.Set("X-Forwarded-Uri", "/.signet/start")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		to, err := resp.Location()
		if resp.StatusCode != http.StatusFound || strings.Contains(string(body), "the very page") || err != nil || to.Host != host || to.Path != "/.signet/start" || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("anonymous %s: %d %v %q", method, resp.StatusCode, resp.Header, body)
		}
	}

	// Signed in: back at the very page.
	p, asked := ada.open(site+"/deep/page.html?at=once&x=%2F", "ada")
	if !asked || p.Status != http.StatusOK || p.Body != "the very page" || p.URL.String() != site+"/deep/page.html?at=once&x=%2F" {
		t.Fatalf("asked %t, %d %s %q", asked, p.Status, p.URL, p.Body)
	}

	// The site learns who it is from the proxy alone.
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, site+"/app/", nil)
	for _, name := range identityHeaders {
		req.Header.Set(name, "root")
		req.Header.Add(name, "admin")
	}
	if p := ada.follow(req); p.Body != "ada|ada@example.test|Ada Example|staff|" {
		t.Errorf("the site was told %q", p.Body)
	}
	// The question itself is the proxy's alone.
	if p := ada.get(site + "/.signet/verify"); p.Status != http.StatusNotFound {
		t.Errorf("/.signet/verify from outside: %d", p.Status)
	}

	// The wrong group: told so at the issuer, and nothing of the site.
	stranger := newBrowser(t)
	p, _ = stranger.open(site+"/", "eve")
	if p.Status != http.StatusForbidden || !strings.Contains(p.Body, "The wiki") || p.URL.Host == host || p.byID("sign-in-again") == nil {
		t.Errorf("the wrong group: %d %s\n%s", p.Status, p.URL, p.Body)
	}
	if p := stranger.get(site + "/"); p.Location == nil {
		t.Errorf("the wrong group, again: %d %q", p.Status, p.Body)
	}
	// Somebody else may sign in from there.
	if p, asked := stranger.open(attr(p.byID("sign-in-again"), "href"), "ada"); !asked || p.Body != "the front page" {
		t.Errorf("somebody else: asked %t, %d %q", asked, p.Status, p.Body)
	}

	// Out at the issuer is out here.
	ada.signOut(i)
	if p := ada.get(site + "/deep/page.html"); p.Location == nil || p.Location.Path != "/auth/start" || strings.Contains(p.Body, "the very page") {
		t.Errorf("after signing out: %d %v %q", p.Status, p.Location, p.Body)
	}
}
