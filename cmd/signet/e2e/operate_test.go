package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Clients of config.yaml are there after a start, follow what it says, and are
// disabled, with their tokens, when they go from it.
func TestDeclaredClients(t *testing.T) {
	in := newInstall(t)
	secret := strings.Repeat("declared-", 5)
	if err := os.WriteFile(filepath.Join(in.dir, "job.secret"), []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	declare := func(clients string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(in.dir, "config.yaml"), []byte("data_dir: ./data\n"+clients), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const job = "clients:\n  - client_id: job\n    client_secret_file: ./job.secret\n    scope: "
	declare(job + "reports.read\n")
	i := &issuer{URL: in.URL}
	ask := func(scope string) answer {
		t.Helper()
		return i.post(t, "/oauth2/token", "job", secret, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
	}

	_, stop := in.serve()
	if a := ask("reports.read"); a.Status != http.StatusOK {
		t.Fatalf("as declared: %d %s", a.Status, a.Raw)
	}
	if a := ask("reports.write"); a.str("error") != "invalid_scope" {
		t.Errorf("beyond what is declared: %d %s", a.Status, a.Raw)
	}
	if _, stderr, code := in.run("clients", "update", "job", "--name", "x"); code != 1 || !strings.Contains(stderr, "config.yaml") {
		t.Errorf("a declared client was changed by command: exit %d %s", code, stderr)
	}
	stop()

	declare(job + "reports.read reports.write\n")
	_, stop = in.serve()
	if a := ask("reports.write"); a.Status != http.StatusOK {
		t.Errorf("after the declaration changed: %d %s", a.Status, a.Raw)
	}
	stop()

	declare("")
	in.serve()
	if a := ask("reports.read"); a.Status != http.StatusUnauthorized || a.str("error") != "invalid_client" {
		t.Errorf("after it has gone: %d %s", a.Status, a.Raw)
	}
	out, _, _ := in.run("clients", "show", "job", "--json")
	var shown map[string]any
	if err := json.Unmarshal([]byte(out), &shown); err != nil || shown["disabled"] != true {
		t.Errorf("a client that has gone is kept and disabled: %v %s", err, out)
	}
}

// With a certificate of its own the server speaks https, and its cookies are
// bound to host and transport.
func TestOwnCertificate(t *testing.T) {
	in := newInstall(t)
	pool := in.certificate()
	in.URL = "https://127.0.0.1:" + in.port
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	client := &http.Client{Transport: transport}
	in.serve()
	if _, stderr, code := in.run("clients", "create", "--id", "app", "--redirect-uri", testCallback, "--public"); code != 0 {
		t.Fatal(stderr)
	}
	_, challenge := pkcePair(t)
	i := &issuer{URL: in.URL}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Get(i.authorizeURL("app", map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if !strings.HasPrefix(resp.Header.Get("Location"), in.URL+"/") || resp.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	host := false
	for _, c := range resp.Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie %s is not guarded: %+v", c.Name, c)
		}
		host = host || strings.HasPrefix(c.Name, "__Host-")
	}
	if !host {
		t.Errorf("no __Host- cookie among %v", resp.Cookies())
	}
}

// certificate makes a self-signed certificate for 127.0.0.1 and has the
// configuration name it.
func (in *install) certificate() *x509.CertPool {
	in.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		in.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "signet test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		in.t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		in.t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(filepath.Join(in.dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			in.t.Fatal(err)
		}
	}
	config := "data_dir: ./data\ntls:\n  cert_file: ./cert.pem\n  key_file: ./key.pem\n"
	if err := os.WriteFile(filepath.Join(in.dir, "config.yaml"), []byte(config), 0o600); err != nil {
		in.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		in.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool
}
