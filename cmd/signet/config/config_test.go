package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/clients"
)

// write puts text into a config.yaml of its own and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	return writeFile(t, filepath.Join(t.TempDir(), "config.yaml"), text)
}

func writeFile(t *testing.T, file, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// writePair writes tls/cert.pem and tls/key.pem under dir.
func writePair(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "tls", "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	writeFile(t, filepath.Join(dir, "tls", "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// lines are the faults of err, without the folder of file.
func lines(t *testing.T, file string, err error) []string {
	t.Helper()
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("want Faults, got %v", err)
	}
	return strings.Split(strings.ReplaceAll(err.Error(), filepath.Dir(file)+"/", ""), "\n")
}

func TestEveryFaultIsReportedInLineOrder(t *testing.T) {
	file := write(t, `isuer: https://id.example.com
listen: 9096
tokens:
  acces_ttl: 5m
  code_ttl: 1h
  id_ttl: 10 minutes
access_ttl: 5m
listen: 127.0.0.1:1
log: verbose
refresh:
  idle_ttl: 200d
trusted_proxies: [10.0.0.0/8, nowhere, 0.0.0.0/0]
keys: {rsa_bits: 1024, algorithms: [none, HS256, RS256, RS256, RS512]}
scopes:
  "two words": x
  openid: x
  orders: ""
passwords:
  concurrency: many
branding:
  name:
clients:
  - client_id: shop
    client_secret: hunter2hunter2
    first_party: yes
    redirect_uris: [http://shop.example.com/cb]
  - client_id: shop
    public: true
  - client_id: 7
`)
	_, err := Load(file, []string{"SIGNET_ISSUER=https://id.example.com/", "SIGNET_TOKENS_ACESS_TTL=5m", "SIGNET_LOG_FORMAT=xml", "HOME=/"})
	want := []string{
		`config.yaml:1: isuer: unknown key; did you mean "issuer"?`,
		`config.yaml:2: listen: 9096 must be text; put it in quotes: "9096"`,
		`config.yaml:4: tokens.acces_ttl: unknown key; did you mean "tokens.access_ttl"?`,
		`config.yaml:5: tokens.code_ttl: 1h is out of range; write 1s to 10m (RFC 6749, section 4.1.2)`,
		`config.yaml:6: tokens.id_ttl: "10 minutes" is not a duration; write a number and a unit, such as 90s, 10m, 12h or 30d`,
		`config.yaml:7: access_ttl: unknown key; did you mean "tokens.access_ttl"?`,
		`config.yaml:8: listen: is here twice (first in line 2); keep one`,
		`config.yaml:9: log: must be a section with keys of its own, such as "level: …"`,
		`config.yaml:11: refresh.idle_ttl: 200d is longer than refresh.absolute_ttl, 180d; make it shorter, or that one longer`,
		`config.yaml:12: trusted_proxies: "nowhere" is not an address or a network; write it like 10.0.0.0/8`,
		`config.yaml:13: keys.rsa_bits: "1024" is not known; it can be 2048, 3072, 4096`,
		`config.yaml:13: keys.algorithms: "none" would leave tokens unsigned, for anyone to write; it must be RS256, PS256, ES256 or EdDSA`,
		`config.yaml:13: keys.algorithms: "HS256" signs with a secret that whoever verifies would have to share, and could sign with; it must be RS256, PS256, ES256 or EdDSA`,
		`config.yaml:13: keys.algorithms: "RS256" is listed twice`,
		`config.yaml:13: keys.algorithms: "RS512" must be RS256, PS256, ES256 or EdDSA`,
		`config.yaml:15: scopes.two words: is not a scope: only printable ASCII without spaces, quotes and backslashes (RFC 6749, section 3.3)`,
		`config.yaml:16: scopes.openid: is a standard scope and has its text; take the line out`,
		`config.yaml:17: scopes.orders: has no text; write what the consent page shall say, such as "See your orders"`,
		`config.yaml:19: passwords.concurrency: "many" must be a whole number`,
		`config.yaml:21: branding.name: has no value; write one, or take the line out for the default`,
		`config.yaml:24: clients[0].client_secret: unknown key; a secret stays out of this file: write it to one of its own and name that as "client_secret_file"`,
		`config.yaml:25: clients[0].first_party: "yes" must be true or false`,
		`config.yaml:26: clients[0].redirect_uris: "http://shop.example.com/cb" must use https; http is for 127.0.0.1 and [::1] alone`,
		`config.yaml:27: clients[1].client_id: "shop" is declared twice (first in line 23); each client_id stands once`,
		`config.yaml:27: clients[1].grant_types: client_credentials needs a confidential client: a public one cannot prove who it is`,
		`config.yaml:29: clients[2].client_id: 7 must be text; put it in quotes: "7"`,
		`SIGNET_ISSUER: is compared byte for byte by every app; write it as https://id.example.com`,
		`SIGNET_LOG_FORMAT: "xml" is not known; it can be json, text`,
		`SIGNET_TOKENS_ACESS_TTL: unknown variable; did you mean SIGNET_TOKENS_ACCESS_TTL?`,
	}
	got := lines(t, file, err)
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(want):
			t.Errorf("unexpected: %s", got[i])
		case i >= len(got):
			t.Errorf("missing: %s", want[i])
		case got[i] != want[i]:
			t.Errorf("line %d\n got %s\nwant %s", i, got[i], want[i])
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("a secret that was written into the file is repeated in the error")
	}
}

func TestNoFileSaysHowToNameOne(t *testing.T) {
	t.Chdir(t.TempDir())
	for path, want := range map[string]string{
		"":         "there is no ./config.yaml here; name a configuration with --config FILE, or start from the config.yaml that comes with signet",
		"gone.yml": "gone.yml: no such file; name a configuration with --config FILE",
	} {
		if _, err := Load(path, nil); err == nil || err.Error() != want {
			t.Errorf("Load(%q): got %v, want %s", path, err, want)
		}
	}
}

func TestWhatIsNotAConfiguration(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no yaml":         {"issuer: [", "config.yaml:1: this is not YAML: "},
		"tab":             {"log:\n\tlevel: info", "config.yaml:2: this is not YAML: "},
		"two documents":   {"log: {}\n---\nlog: {}\n", "config.yaml:2: a second document begins here"},
		"a list":          {"- a\n", "config.yaml:1: must be a section"},
		"merge keys":      {"log: &l {level: info}\ntokens: {<<: *l}\n", "config.yaml:2: tokens.<<: unknown key"},
		"list for a text": {"issuer: [a]\n", "config.yaml:1: issuer: must be one value"},
		"text for a list": {"trusted_proxies: 10.0.0.0/8\n", "config.yaml:1: trusted_proxies: must be a list"},
		"clients no list": {"clients: {client_id: a}\n", "config.yaml:1: clients: must be a list"},
	} {
		file := write(t, c.text)
		_, err := Load(file, nil)
		if err == nil {
			t.Errorf("%s: loads", name)
			continue
		}
		if got := lines(t, file, err); len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s: got %q, want one with %q", name, got, c.want)
		}
	}
}

func TestEmptyFileAndEmptySectionsAreTheDefaults(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "tls:\nscopes:\nclients:\ntrusted_proxies:\n"} {
		cfg, err := Load(write(t, text), nil)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if cfg.Tokens.AccessTTL != 10*time.Minute {
			t.Errorf("%q: access_ttl is %s", text, cfg.Tokens.AccessTTL)
		}
	}
}

func TestIssuer(t *testing.T) {
	own := "tls: {cert_file: tls/cert.pem, key_file: tls/key.pem}\n"
	proxy := "trusted_proxies: [10.0.0.7]\n"
	for _, c := range []struct{ issuer, more, want string }{
		{"http://127.0.0.1:9096", "", ""},
		{"http://localhost:8080/tenant", "", ""},
		{"http://[::1]:9096", "", ""},
		{"http://id.localhost:9096", "", ""},
		{"https://id.example.com/tenant/a", proxy, ""},
		{"https://id.example.com:8443", own, ""},
		{"http://id.example.com", "", "http is for loopback only"},
		{"http://127.0.0.1.example.com", "", "http is for loopback only"},
		{"http://0.0.0.0:9096", "", "http is for loopback only"},
		{"http://127.0.0.1:9096", own, "says http, but tls.cert_file"},
		{"https://id.example.com", "", "says https, but nothing here speaks it"},
		{"https://id.example.com/", proxy, "write it as https://id.example.com"},
		{"https://id.example.com/a/../b/", proxy, "write it as https://id.example.com/b"},
		{"https://ID.example.com:443", proxy, "write it as https://id.example.com"},
		{"https://id.example.com?x=1", proxy, "no query"},
		{"https://id.example.com?", proxy, "no query"},
		{"https://id.example.com#", proxy, "no query and no fragment"},
		{"https://me:hunter2@id.example.com", proxy, "must not hold a user name"},
		{"id.example.com", proxy, "is not a URL"},
		{"ftp://id.example.com", proxy, "is not a URL"},
		{"https://", proxy, "is not a URL"},
		{"", proxy, "is not a URL"},
	} {
		file := write(t, "issuer: \""+c.issuer+"\"\n"+c.more)
		writePair(t, filepath.Dir(file))
		cfg, err := Load(file, nil)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.issuer, err)
		case c.want == "" && cfg.Issuer != c.issuer:
			t.Errorf("%s became %s", c.issuer, cfg.Issuer)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), "config.yaml:1: issuer: ") || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %q", c.issuer, err, c.want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: the password is repeated", c.issuer)
		}
	}
}

func TestFilesThatMustBeThere(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"tls: {cert_file: tls/cert.pem}\n", "config.yaml:1: tls.cert_file: is set without tls.key_file; name both files, or neither"},
		{"tls: {key_file: tls/key.pem}\n", "config.yaml:1: tls.key_file: is set without tls.cert_file; name both files, or neither"},
		{"tls: {cert_file: tls/none.pem, key_file: tls/key.pem}\n", "tls.cert_file: cannot read it: tls/none.pem: no such file or directory; put the file there, or change the path"},
		{"tls: {cert_file: tls/key.pem, key_file: tls/key.pem}\n", "tls.cert_file: does not make a certificate with tls.key_file: "},
		{"tls: {cert_file: tls/cert.pem, key_file: tls}\n", "tls.key_file: tls is a folder, not a file"},
		{"server_key_file: run/server.key\n", "config.yaml:1: server_key_file: cannot read it: run/server.key: no such file or directory; put the file there, or change the path"},
		{"keys:\n  sealing_key_file: run/k\n", "config.yaml:2: keys.sealing_key_file: cannot read it: run/k: no such file or directory; put the file there, or change the path"},
		{"clients:\n- client_id: a\n  client_secret_file: run/a\n", "config.yaml:3: clients[0].client_secret_file: cannot read it: run/a: no such file or directory; put the file there, or change the path"},
		{"clients:\n- client_id: a\n  client_secret_file: short\n", "config.yaml:3: clients[0].client_secret_file: the secret in short must have at least 8 characters"},
		{"clients:\n- client_id: a\n", "config.yaml:2: clients[0].client_secret_file: is missing; name the file that holds the client's secret, or write \"public: true\" for an app that cannot keep one"},
		{"clients:\n- client_id: a\n  public: true\n  client_secret_file: long\n  redirect_uris: [https://a.example.com/]\n", "config.yaml:4: clients[0].client_secret_file: is set for a public client"},
		{"clients:\n- client_id: a\n  public: true\n  token_endpoint_auth_method: client_secret_post\n  redirect_uris: [https://a.example.com/]\n", "config.yaml:3: clients[0].public: is true, but token_endpoint_auth_method is client_secret_post"},
		{"database: mysql://me:hunter2@db/signet\n", "config.yaml:1: database: must be sqlite:PATH, such as sqlite:./data/signet.db, or postgres://"},
		{"database: \"sqlite::memory:\"\n", "config.yaml:1: database: cannot be in memory"},
		{"database: sqlite:data/a.db?mode=ro\n", "config.yaml:1: database: must be a path alone"},
		{"data_dir: \"\"\n", "config.yaml:1: data_dir: is empty"},
		{"registration:\n  mode: opne\n", `config.yaml:2: registration.mode: "opne" is not known; did you mean "open"?`},
		{"registration:\n  scopes: openid signet:write\n", `config.yaml:2: registration.scopes: "signet:write" administers this server`},
		{"registration:\n  scopes: [openid, openid]\n", `config.yaml:2: registration.scopes: "openid" is listed twice`},
		{"registration:\n  audiences: [api]\n", `config.yaml:2: registration.audiences: "api" must be an absolute URI`},
		{"registration:\n  per_address: 0\n", "config.yaml:2: registration.per_address: 0 is out of range; write 1 to 100000"},
		{"registration:\n  unused_ttl: 10m\n", "config.yaml:2: registration.unused_ttl: 10m is out of range; write 1h to 3650d"},
		{"registration:\n  trusted_statements:\n  - issuer: https://d.example\n", "config.yaml:3: registration.trusted_statements[0]: needs its public keys: give jwks_uri or jwks_file"},
		{"registration:\n  trusted_statements:\n  - issuer: https://d.example\n    jwks_uri: http://d.example/jwks\n", "must be an address that starts with https://"},
		{"registration:\n  trusted_statements:\n  - issuer: https://d.example\n    jwks_file: long\n", "config.yaml:4: registration.trusted_statements[0].jwks_file: holds no JWK set"},
	} {
		// An issuer that goes with or without tls keeps other faults out.
		issuer := "\nissuer: http://127.0.0.1:9096\n"
		if strings.HasPrefix(c.text, "tls") {
			issuer = "\nissuer: https://127.0.0.1:9096\n"
		}
		file := write(t, c.text+issuer)
		writePair(t, filepath.Dir(file))
		writeFile(t, filepath.Join(filepath.Dir(file), "short"), "hunter2\n")
		writeFile(t, filepath.Join(filepath.Dir(file), "long"), strings.Repeat("x", 40))
		_, err := Load(file, nil)
		if err == nil {
			t.Errorf("%s loads", c.text)
			continue
		}
		if got := lines(t, file, err); len(got) != 1 || !strings.Contains(got[0], c.want) || strings.Contains(got[0], "hunter2") {
			t.Errorf("%s\n got %q\nwant %q", c.text, got, c.want)
		}
	}
}

func TestVariablesOverrideEveryScalarAndList(t *testing.T) {
	text := map[reflect.Kind]string{reflect.String: "x", reflect.Int: "3072", reflect.Int64: "1h", reflect.Slice: "10.0.0.0/8", reflect.Bool: "true"}
	for _, l := range leaves(reflect.ValueOf(Default()).Elem(), "") {
		if l.value.Kind() == reflect.Map {
			continue
		}
		e := &environment{cfg: Default(), set: map[string]string{}}
		e.read([]string{VariableName(l.path) + "=" + text[l.value.Kind()]})
		if len(e.faults) > 0 || e.set[l.path] == "" {
			t.Errorf("%s: %v", l.path, e.faults)
		}
	}
}

func TestVariables(t *testing.T) {
	file := write(t, "issuer: http://127.0.0.1:1\ndata_dir: here\ntokens:\n  access_ttl: 1m\n")
	from := writeFile(t, filepath.Join(t.TempDir(), "ttl"), "1d12h\n")
	cfg, err := Load(file, []string{
		"SIGNET_ISSUER=https://id.example.com",
		"SIGNET_TRUSTED_PROXIES=10.0.0.0/8, ::1 ,",
		"SIGNET_DATABASE=sqlite:other.db",
		"SIGNET_REFRESH_IDLE_TTL_FILE=" + from,
		"SIGNET_LOG_FORMAT=json",
		"SIGNET_SERVICE_HOST=10.1.2.3", "SIGNET_PORT_9096_TCP_ADDR=10.1.2.3", "SIGNET_PORT=tcp://10.1.2.3:9096", "SIGNET_SERVICE_PORT_HTTP=9096",
	})
	if err != nil {
		t.Fatal(err)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	if cfg.Issuer != "https://id.example.com" || !slices.Equal(cfg.TrustedProxies, proxies) ||
		cfg.Refresh.IdleTTL != 36*time.Hour || cfg.Log.Format != "json" || cfg.Tokens.AccessTTL != time.Minute {
		t.Errorf("got %+v", cfg)
	}
	if cfg.Database != "sqlite:other.db" {
		t.Errorf("a path in a variable starts from the working directory; got %s", cfg.Database)
	}
	if cfg.DataDir != filepath.Join(filepath.Dir(file), "here") {
		t.Errorf("a path in the file starts from the file's folder; got %s", cfg.DataDir)
	}
}

func TestBadVariablesAreNamed(t *testing.T) {
	for variable, want := range map[string]string{
		"SIGNET_LISTEN=here":                  `SIGNET_LISTEN: "here" is not an address and a port`,
		"SIGNET_TOKENS_ACCESS_TTL=600":        `SIGNET_TOKENS_ACCESS_TTL: "600" is not a duration`,
		"SIGNET_TOKENS_ACCESS_TTL=-5m":        `SIGNET_TOKENS_ACCESS_TTL: "-5m" is not a duration`,
		"SIGNET_TOKENS_ACCESS_TTL=25h":        `SIGNET_TOKENS_ACCESS_TTL: 25h is out of range`,
		"SIGNET_KEYS_RSA_BITS=big":            `SIGNET_KEYS_RSA_BITS: "big" must be a whole number`,
		"SIGNET_LOG_LEVEL=warning":            `SIGNET_LOG_LEVEL: "warning" is not known; did you mean "warn"? It can be debug, info, warn, error`,
		"SIGNET_ISUER=http://127.0.0.1":       `SIGNET_ISUER: unknown variable; did you mean SIGNET_ISSUER?`,
		"SIGNET_ISSUER_FLIE=x":                `SIGNET_ISSUER_FLIE: unknown variable; did you mean SIGNET_ISSUER_FILE?`,
		"SIGNET_SOMETHING_ELSE_ENTIRELY=x":    `SIGNET_SOMETHING_ELSE_ENTIRELY: unknown variable; a key's variable is its path in capitals`,
		"SIGNET_CLIENTS=shop":                 `SIGNET_CLIENTS: clients cannot be set by a variable`,
		"SIGNET_SCOPES_ORDERS=x":              `SIGNET_SCOPES_ORDERS: scopes cannot be set by a variable`,
		"SIGNET_ISSUER_FILE=/none":            `SIGNET_ISSUER_FILE: cannot read the file it names: open /none: no such file`,
		"SIGNET_SERVER_KEY_FILE=/none":        `SIGNET_SERVER_KEY_FILE: cannot read it: /none: no such file or directory`,
		"SIGNET_DATABASE=mysql://u:hunter2@d": `SIGNET_DATABASE: must be sqlite:PATH`,
	} {
		_, err := Load(write(t, ""), []string{variable})
		if err == nil || strings.Count(err.Error(), "\n") > 0 || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s:\n got %v\nwant %s", variable, err, want)
		}
	}
	_, err := Load(write(t, ""), []string{"SIGNET_ISSUER=http://127.0.0.1:1", "SIGNET_ISSUER_FILE=" + write(t, "http://127.0.0.1:2")})
	if err == nil || err.Error() != "SIGNET_ISSUER_FILE: SIGNET_ISSUER sets the same key; keep one" {
		t.Errorf("two variables for one key: %v", err)
	}
}

func TestWhatAClientLeavesOut(t *testing.T) {
	file := write(t, `clients:
- client_id: app
  client_secret_file: app.secret
  redirect_uris: [https://app.example.com/cb]
- client_id: spa
  public: true
  redirect_uris: [https://spa.example.com/cb]
  grant_types: [authorization_code]
- client_id: job
  client_secret_file: app.secret
- client_id: none
  client_secret_file: app.secret
  redirect_uris: [https://none.example.com/cb]
  scope: []
  require_pkce: false
`)
	writeFile(t, filepath.Join(filepath.Dir(file), "app.secret"), strings.Repeat("s", 43)+"\r\n")
	cfg, err := Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	declared, err := cfg.DeclaredClients()
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		id, name, auth, grants, scope, secret string
	}
	var got []row
	for _, d := range declared {
		got = append(got, row{d.Client.ID, d.Client.Name, d.Client.TokenEndpointAuthMethod,
			strings.Join(d.Client.GrantTypes, " "), strings.Join(d.Client.Scopes, " "), strings.Join(d.PlainSecrets, " ")})
	}
	secret := strings.Repeat("s", 43)
	want := []row{
		{"app", "app", "", "authorization_code refresh_token", "openid profile email offline_access", secret},
		{"spa", "spa", clients.AuthMethodNone, "authorization_code", "openid profile email", ""},
		{"job", "job", "", "client_credentials", "", secret},
		{"none", "none", "", "authorization_code refresh_token", "", secret},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if p := declared[3].Client.RequirePKCE; p == nil || *p || declared[0].Client.RequirePKCE != nil {
		t.Error("require_pkce is not as declared")
	}
	if !cfg.Declares("job") || cfg.Declares("jobs") {
		t.Error("Declares is wrong")
	}
}

func TestAWarningForAPortThatNobodyServes(t *testing.T) {
	for listen, want := range map[string]int{"127.0.0.1:9096": 0, "127.0.0.1:1234": 1, "0.0.0.0:1234": 0, "127.0.0.1:0": 0} {
		cfg, err := Load(write(t, "listen: "+listen), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(cfg.Warnings) != want {
			t.Errorf("%s: %q", listen, cfg.Warnings)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "30d": 30 * day, "1d12h": 36 * time.Hour, "0": 0, "0d": 0, "500ms": time.Second / 2,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "1.5d", "1d-1h", "1h1d", "10", "1w", "99999999999d", "ten"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
	for d, want := range map[time.Duration]string{90 * day: "90d", 36 * time.Hour: "36h", 90 * time.Minute: "1h30m", 90 * time.Second: "1m30s", 0: "0s"} {
		if got := FormatDuration(d); got != want {
			t.Errorf("%v is written %s, want %s", d, got, want)
		}
	}
}
