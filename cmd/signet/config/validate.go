package config

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"signet/authz"
	"signet/authz/store"
	"signet/clients"
)

const sqlitePrefix = "sqlite:"

// validator checks what single values cannot show: ranges, files, and whether
// the keys agree with each other.
type validator struct {
	cfg       *Config
	file      string
	lines     map[string]int
	variables map[string]string
	// bad holds the keys that are at fault already, so that one mistake makes
	// one line.
	bad    map[string]bool
	faults Faults
}

func (v *validator) faulty(lists ...Faults) {
	v.bad = map[string]bool{}
	for _, f := range slices.Concat(lists...) {
		v.bad[f.Key] = true
	}
}

// fault notes that the value of the key at path is wrong, where it was set.
func (v *validator) fault(path, format string, args ...any) {
	if v.bad[path] {
		return
	}
	f := Fault{Key: path, Text: fmt.Sprintf(format, args...)}
	if f.Variable = v.variables[path]; f.Variable == "" {
		f.File, f.Line = v.file, v.line(path)
	}
	v.faults = append(v.faults, f)
}

// sound says whether nothing is wrong with the key at path, as far as was
// checked.
func (v *validator) sound(path string) bool {
	return !v.bad[path] && !slices.ContainsFunc(v.faults, func(f Fault) bool { return f.Key == path })
}

// line is where path stands in the file, or the nearest section around it.
func (v *validator) line(path string) int {
	for path != "" {
		if line, ok := v.lines[path]; ok {
			return line
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 0
}

func (v *validator) check() {
	v.issuer()
	v.listen()
	v.admin()
	v.certificate()
	v.proxies()
	v.storage()
	v.lifetimes()
	v.choices()
	v.keys()
	v.fetch()
	v.scopes()
	v.clients()
	v.registration()
	v.clientDocuments()
	v.forwardAuth()
	v.warnings()
}

func (v *validator) listen() {
	_, port, err := net.SplitHostPort(v.cfg.Listen)
	n, errPort := strconv.Atoi(port)
	if err != nil || errPort != nil || n < 0 || n > 65535 {
		v.fault("listen", "%q is not an address and a port; write it like 127.0.0.1:9096, or :9096 for every address", v.cfg.Listen)
	}
}

// certificate checks that both TLS files or none are named, and that they are
// a pair.
func (v *validator) certificate() {
	cert, key := v.cfg.TLS.CertFile, v.cfg.TLS.KeyFile
	switch {
	case cert == "" && key == "":
		return
	case cert == "":
		v.fault("tls.key_file", "is set without tls.cert_file; name both files, or neither")
		return
	case key == "":
		v.fault("tls.cert_file", "is set without tls.key_file; name both files, or neither")
		return
	}
	if !v.exists("tls.cert_file", cert) || !v.exists("tls.key_file", key) {
		return
	}
	if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
		v.fault("tls.cert_file", "does not make a certificate with tls.key_file: %s", strings.TrimPrefix(err.Error(), "tls: "))
	}
}

// exists checks that path can be opened and is a file.
func (v *validator) exists(key, path string) bool {
	f, err := os.Open(path)
	if err != nil {
		v.fault(key, "%s; put the file there, or change the path", openProblem(err))
		return false
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		v.fault(key, "%s is a folder, not a file", path)
		return false
	}
	return true
}

func openProblem(err error) string {
	return "cannot read it: " + strings.TrimPrefix(err.Error(), "open ")
}

func (v *validator) proxies() {
	for _, p := range v.cfg.TrustedProxies {
		if p.Bits() == 0 {
			v.fault("trusted_proxies", "%s would believe everyone; name the network of your proxy alone", p)
		}
	}
}

func (v *validator) storage() {
	if v.cfg.DataDir == "" {
		v.fault("data_dir", "is empty; name a folder, such as ./data")
	}
	v.database()
	// One that nobody named is made on the first run. One that was named and
	// is gone is a secret that failed to be mounted: a new one in its place
	// would make every token and every signing key useless.
	for key, path := range map[string]string{"server_key_file": v.cfg.ServerKeyFile, "keys.sealing_key_file": v.cfg.Keys.SealingKeyFile} {
		if path != "" {
			v.exists(key, path)
		}
	}
}

// database checks where the data is. The value is not repeated: URLs of
// databases carry passwords.
func (v *validator) database() {
	v.oneOf("migrate", v.cfg.Migrate, MigrateAuto, MigrateManual)
	if n := v.cfg.DatabasePool.MaxOpen; n < 2 || n > 1000 {
		v.fault("database_pool.max_open", "%d is out of range; write 2 to 1000", n)
	}
	if store.IsPostgres(v.cfg.Database) {
		warning, err := store.CheckPostgres(v.cfg.Database)
		if err != nil {
			v.fault("database", "%s", err)
		} else if warning != "" {
			v.cfg.Warnings = append(v.cfg.Warnings, warning)
		}
		return
	}
	path, ok := strings.CutPrefix(v.cfg.Database, sqlitePrefix)
	switch {
	case !ok || path == "" || strings.HasPrefix(path, "//"):
		v.fault("database", "must be sqlite:PATH, such as sqlite:./data/signet.db, or postgres://USER:PASSWORD@HOST:5432/NAME")
	case filepath.Base(path) == ":memory:":
		v.fault("database", "cannot be in memory: every signet command opens it; name a file, such as sqlite:./data/signet.db")
	case strings.ContainsAny(path, "?#"):
		v.fault("database", "must be a path alone, without options after \"?\"")
	}
}

func (v *validator) lifetimes() {
	t, r := v.cfg.Tokens, v.cfg.Refresh
	v.within("tokens.access_ttl", t.AccessTTL, time.Second, day, "who has it need not ask whether it was revoked")
	v.within("tokens.id_ttl", t.IDTTL, time.Second, day, "it speaks of one sign-in")
	v.within("tokens.code_ttl", t.CodeTTL, time.Second, 10*time.Minute, "RFC 6749, section 4.1.2")
	v.within("tokens.status_ttl", t.StatusTTL, time.Second, time.Hour, "APIs take a revoked token for so long")
	v.within("refresh.idle_ttl", r.IdleTTL, time.Second, 3650*day, "")
	v.within("refresh.absolute_ttl", r.AbsoluteTTL, time.Second, 3650*day, "")
	v.within("refresh.grace", r.Grace, 0, 10*time.Minute, "a stolen token can be replayed for as long")
	v.sessions()
	v.within("sweep.every", v.cfg.Sweep.Every, 0, day, "0 turns it off")
	v.within("interaction.lifetime", v.cfg.Interaction.Lifetime, time.Second, day, "")
	if r.IdleTTL > r.AbsoluteTTL {
		v.fault("refresh.idle_ttl", "%s is longer than refresh.absolute_ttl, %s; make it shorter, or that one longer", FormatDuration(r.IdleTTL), FormatDuration(r.AbsoluteTTL))
	}
}

func (v *validator) sessions() {
	s := v.cfg.Session
	v.within("session.lifetime", s.Lifetime, time.Second, 365*day, "")
	v.within("session.idle", s.Idle, 0, 365*day, "0 is session.lifetime")
	v.within("session.remember_lifetime", s.RememberLifetime, 0, 365*day, "0 turns it off")
	v.within("session.remember_idle", s.RememberIdle, 0, 365*day, "0 is session.remember_lifetime")
	if s.RememberLifetime > 0 && s.RememberLifetime < s.Lifetime {
		v.fault("session.remember_lifetime", "%s is shorter than session.lifetime, %s; make it longer, or 0 to turn it off", FormatDuration(s.RememberLifetime), FormatDuration(s.Lifetime))
	}
}

func (v *validator) within(path string, d, least, most time.Duration, why string) {
	if d >= least && d <= most {
		return
	}
	if why != "" {
		why = " (" + why + ")"
	}
	v.fault(path, "%s is out of range; write %s to %s%s", FormatDuration(d), FormatDuration(least), FormatDuration(most), why)
}

// oneOf checks a value against the few that there are.
func (v *validator) oneOf(path, got string, names ...string) {
	if slices.Contains(names, got) {
		return
	}
	if near := Nearest(got, names); near != "" && len(names) > 1 {
		v.fault(path, "%q is not known; did you mean %q? It can be %s", got, near, strings.Join(names, ", "))
		return
	}
	v.fault(path, "%q is not known; it can be %s", got, strings.Join(names, ", "))
}

func (v *validator) choices() {
	v.oneOf("log.level", v.cfg.Log.Level, "debug", "info", "warn", "error")
	v.oneOf("log.format", v.cfg.Log.Format, "json", "text")
	v.oneOf("keys.rsa_bits", strconv.Itoa(v.cfg.Keys.RSABits), "2048", "3072", "4096")
	if n := v.cfg.Passwords.Concurrency; n < 0 || n > 256 {
		v.fault("passwords.concurrency", "%d is out of range; write 1 to 256, or 0 for one for each processor", n)
	}
	if strings.TrimSpace(v.cfg.Branding.Name) == "" {
		v.fault("branding.name", "is empty; write the name that people know you by")
	}
}

func (v *validator) scopes() {
	for name, text := range v.cfg.Scopes {
		path := join("scopes", name)
		parsed, err := clients.ParseScope(name)
		switch {
		case authz.IsStandardScope(name):
			v.fault(path, "is a standard scope and has its text; take the line out")
		case err != nil || !slices.Equal(parsed, []string{name}):
			v.fault(path, "is not a scope: only printable ASCII without spaces, quotes and backslashes (RFC 6749, section 3.3)")
		case strings.TrimSpace(text) == "":
			v.fault(path, "has no text; write what the consent page shall say, such as \"See your orders\"")
		}
	}
}
