package e2e

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/keys"
)

// openDatabase opens the database of an installation beside signet.
func (in *install) openDatabase() *sql.DB {
	in.t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(in.dir, "data", "signet.db"))
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() { db.Close() })
	return db
}

// privateKey opens a sealed key as the package doc of keys describes it, with
// the sealing key from its file.
func (in *install) privateKey(kid string, sealed []byte) *rsa.PrivateKey {
	in.t.Helper()
	key, err := os.ReadFile(filepath.Join(in.dir, "data", "secrets", "sealing.key"))
	if err != nil {
		in.t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		in.t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		in.t.Fatal(err)
	}
	const nonce = 1 + 8 // after the version and the mark of the sealing key
	der, err := gcm.Open(nil, sealed[nonce:nonce+12], sealed[nonce+12:], []byte(kid))
	if err != nil {
		in.t.Fatal(err)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		in.t.Fatal(err)
	}
	return private.(*rsa.PrivateKey)
}

// needles are all the ways in which a secret number may stand in a file, cut
// to a length that no page of a database divides without a trace.
func needles(secret []byte) map[string][]byte {
	part := secret[:24]
	all := map[string][]byte{
		"raw":               part,
		"hexadecimal":       []byte(hex.EncodeToString(part)),
		"HEXADECIMAL":       []byte(strings.ToUpper(hex.EncodeToString(part))),
		"decimal byte list": []byte(strings.Trim(strings.ReplaceAll(fmt.Sprint(part), " ", ","), "[]")),
	}
	for k := range 3 { // where the number begins within three bytes
		all[fmt.Sprint("base64, ", k)] = []byte(base64.RawStdEncoding.EncodeToString(part[k : k+21]))
		all[fmt.Sprint("base64url, ", k)] = []byte(base64.RawURLEncoding.EncodeToString(part[k : k+21]))
	}
	return all
}

// TestDatabaseHoldsNoPrivateKey looks for private keys in every file of the
// database, while the server runs (its log beside it) and after it has
// stopped, and in every column.
func TestDatabaseHoldsNoPrivateKey(t *testing.T) {
	in := newInstall(t)
	_, stop := in.serve()
	if _, stderr, code := in.run("keys", "rotate"); code != 0 {
		t.Fatal(stderr)
	}
	db := in.openDatabase()
	rows, err := db.Query("SELECT kid, sealed FROM signing_keys")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	secrets := map[string][]byte{}
	for rows.Next() {
		var kid string
		var sealed []byte
		if err := rows.Scan(&kid, &sealed); err != nil {
			t.Fatal(err)
		}
		key := in.privateKey(kid, sealed)
		secrets[kid+": d"], secrets[kid+": p"], secrets[kid+": q"] = key.D.Bytes(), key.Primes[0].Bytes(), key.Primes[1].Bytes()
		secrets[kid+": dp"], secrets[kid+": dq"] = key.Precomputed.Dp.Bytes(), key.Precomputed.Dq.Bytes()
		// The public modulus is there, or the search would find nothing at all.
		secrets["n of "+kid] = key.N.Bytes()
	}
	if err := rows.Err(); err != nil || len(secrets) != 12 {
		t.Fatalf("%d numbers, %v", len(secrets), err)
	}
	look := func(when string) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(in.dir, "data", "signet.db*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		modulus := false
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for name, secret := range secrets {
				for form, needle := range needles(secret) {
					if !bytes.Contains(content, needle) {
						continue
					}
					if strings.HasPrefix(name, "n of ") {
						modulus = true
					} else {
						t.Errorf("%s: %s holds %s, %s", when, filepath.Base(file), name, form)
					}
				}
			}
			for _, word := range []string{"PRIVATE KEY", `"d":`, `"p":`, `"dp":`} {
				if bytes.Contains(content, []byte(word)) {
					t.Errorf("%s: %s holds %s", when, filepath.Base(file), word)
				}
			}
		}
		if !modulus && len(files) == 1 {
			t.Errorf("%s: the search does not even find the public keys", when)
		}
	}
	look("while it runs")
	db.Close()
	stop()
	look("after it has stopped")
}

// TestFlippedByteInASealedKey: the server says which key is damaged and what to
// do, makes no new one, and starts when the byte is back.
func TestFlippedByteInASealedKey(t *testing.T) {
	in := newInstall(t)
	_, stop := in.serve()
	stop()
	db := in.openDatabase()
	var kid string
	var sealed []byte
	if err := db.QueryRow("SELECT kid, sealed FROM signing_keys").Scan(&kid, &sealed); err != nil {
		t.Fatal(err)
	}
	put := func(sealed []byte) {
		t.Helper()
		if _, err := db.Exec("UPDATE signing_keys SET sealed = ? WHERE kid = ?", sealed, kid); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []int{0, 9, 21, len(sealed) / 2, len(sealed) - 1} {
		flipped := bytes.Clone(sealed)
		flipped[at] ^= 1
		put(flipped)
		in.refuses([]string{"serve"}, kid, "damaged", "restore")
	}
	mark := bytes.Clone(sealed)
	mark[4] ^= 1
	put(mark)
	in.refuses([]string{"serve"}, kid, "sealing key", "put back")
	var n int
	if err := db.QueryRow("SELECT count(*) FROM signing_keys").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d keys, %v", n, err)
	}
	put(sealed)
	in.serve()
}

// TestReady: a load balancer learns when the database is away, and when the
// keys must not sign any more for that. The JWKS is served all the while: the
// tokens that are out are still good.
func TestReady(t *testing.T) {
	i := start(t)
	expect := func(status int, body string) {
		t.Helper()
		if a := i.send(t, http.MethodGet, "/readyz", "", "", nil); a.Status != status || a.Raw != body {
			t.Errorf("/readyz: %d %q, want %d %q", a.Status, a.Raw, status, body)
		}
		if a := i.send(t, http.MethodGet, "/healthz", "", "", nil); a.Status != http.StatusOK {
			t.Errorf("/healthz: %d; a restart would mend nothing", a.Status)
		}
		if a := i.send(t, http.MethodGet, "/.well-known/jwks.json", "", "", nil); a.Status != http.StatusOK || !strings.Contains(a.Raw, `"kid"`) {
			t.Errorf("JWKS: %d %s", a.Status, a.Raw)
		}
	}
	expect(http.StatusOK, "ready\n")
	if err := i.Store.Close(); err != nil {
		t.Fatal(err)
	}
	expect(http.StatusServiceUnavailable, "not ready: database\n")
	if _, err := i.Keys.Sign("RS256", "at+jwt", []byte("{}")); err != nil {
		t.Errorf("the ring stopped before its schedule says so: %v", err)
	}
	i.clock.Advance(90*24*time.Hour + time.Minute)
	expect(http.StatusServiceUnavailable, "not ready: database, signing keys\n")
	if log := i.log.String(); !strings.Contains(log, "could not be read since") {
		t.Error("the log does not say why")
	}
	a := i.post(t, "/oauth2/token", "nobody", "x", url.Values{"grant_type": {"client_credentials"}})
	if a.Status != http.StatusServiceUnavailable && a.Status != http.StatusInternalServerError {
		t.Errorf("token: %d %s", a.Status, a.Raw)
	}
}

var cacheControl = regexp.MustCompile(`^public, max-age=900, stale-while-revalidate=300$`)

// TestJWKSIsCacheable: by a strong ETag, and for as long as no key can begin to
// sign that is not in it.
func TestJWKSIsCacheable(t *testing.T) {
	i := start(t)
	get := func(etag string) answer {
		t.Helper()
		return i.send(t, http.MethodGet, "/.well-known/jwks.json", "", "", http.Header{"If-None-Match": {etag}})
	}
	a := get("")
	etag := a.Header.Get("ETag")
	if a.Status != http.StatusOK || !cacheControl.MatchString(a.Header.Get("Cache-Control")) || !strings.HasPrefix(etag, `"`) {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	if a := get(etag); a.Status != http.StatusNotModified || a.Raw != "" || a.Header.Get("Cache-Control") == "" || a.Header.Get("ETag") != etag {
		t.Errorf("asked for a change: %d %v %q", a.Status, a.Header, a.Raw)
	}
	if a := get(`W/` + etag); a.Status != http.StatusNotModified { // If-None-Match compares weakly
		t.Errorf("asked for a change by a weak ETag, as some proxies make it: %d", a.Status)
	}
	if a := get(`"another"`); a.Status != http.StatusOK {
		t.Errorf("by another ETag: %d", a.Status)
	}
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal([]byte(a.Raw), &set); err != nil || len(set.Keys) != 1 {
		t.Fatal(err, a.Raw)
	}
	for member := range set.Keys[0] {
		if !slices.Contains([]string{"kty", "use", "alg", "kid", "n", "e"}, member) {
			t.Errorf("the JWKS holds %q", member)
		}
	}
	if _, err := i.Keys.Rotate(t.Context(), keys.RotateOptions{}); err != nil {
		t.Fatal(err)
	}
	if a := get(etag); a.Status != http.StatusOK || a.Header.Get("ETag") == etag {
		t.Errorf("after the set has changed: %d %v", a.Status, a.Header)
	}
}

// TestSealingKeyFromTheEnvironment: in hexadecimal or base64; the wrong one
// stops the start.
func TestSealingKeyFromTheEnvironment(t *testing.T) {
	in := newInstall(t)
	secret := bytes.Repeat([]byte{0xA5, 7}, 16)
	t.Setenv("SIGNET_KEYS_SEALING_KEY", hex.EncodeToString(secret))
	_, stop := in.serve()
	stop()
	if _, err := os.Stat(filepath.Join(in.dir, "data", "secrets", "sealing.key")); err == nil {
		t.Error("a sealing key was written to a file all the same")
	}
	t.Setenv("SIGNET_KEYS_SEALING_KEY", base64.StdEncoding.EncodeToString(secret))
	_, stop = in.serve()
	stop()
	secret[3] ^= 1
	t.Setenv("SIGNET_KEYS_SEALING_KEY", base64.StdEncoding.EncodeToString(secret))
	in.refuses([]string{"serve"}, "sealing key")
	t.Setenv("SIGNET_KEYS_SEALING_KEY", "too short")
	in.refuses([]string{"serve"}, "SIGNET_KEYS_SEALING_KEY", "32 random bytes")
	os.Unsetenv("SIGNET_KEYS_SEALING_KEY")
	in.refuses([]string{"serve"}, "sealing key", "missing")
}

// TestRevokeBesideTheServer: an operator revokes the key that signs, by command,
// while the server runs. Within the reload interval its tokens are refused, the
// JWKS is without it and the next tokens are signed by another; nothing is
// restarted, and apps go on with their refresh tokens.
func TestRevokeBesideTheServer(t *testing.T) {
	in := newInstall(t)
	t.Setenv("SIGNET_KEYS_ROTATE_EVERY", "1m")
	_, stop := in.serve()
	defer stop()
	out, stderr, code := in.run("clients", "create", "--id", "job", "--grant", "client_credentials", "--json")
	var created struct {
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(out), &created); err != nil || code != 0 {
		t.Fatal(err, stderr)
	}
	i := &issuer{URL: in.URL}
	issue := func() (token, kid string) {
		t.Helper()
		a := i.post(t, "/oauth2/token", "job", created.Secret, url.Values{"grant_type": {"client_credentials"}})
		if a.Status != http.StatusOK {
			t.Fatal(a.Status, a.Raw)
		}
		token = a.str("access_token")
		var header struct{ KID string }
		raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
		if err != nil || json.Unmarshal(raw, &header) != nil {
			t.Fatal(err, token)
		}
		return token, header.KID
	}
	token, kid := issue()
	alive := func(token string) bool {
		t.Helper()
		return i.introspect(t, "job", created.Secret, token).Body["active"] == true
	}
	if !alive(token) {
		t.Fatal("the token is not good to begin with")
	}
	if _, stderr, code := in.run("keys", "revoke", "--reason", "a test", "--", kid); code != 0 || !strings.Contains(stderr, "event=key_revoked") {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, now := issue(); now != kid {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the revoked key signs on")
		}
	}
	if a := i.send(t, http.MethodGet, "/.well-known/jwks.json", "", "", nil); strings.Contains(a.Raw, kid) {
		t.Errorf("the JWKS holds the revoked key: %s", a.Raw)
	}
	next, _ := issue()
	if alive(token) || !alive(next) {
		t.Error("introspection takes the token of the revoked key, or not that of the next")
	}
	if out, stderr, code := in.run("token", "inspect", token); code != 1 || !strings.Contains(out+stderr, "its key was revoked") {
		t.Errorf("token inspect: exit %d, %s%s", code, out, stderr)
	}
}
