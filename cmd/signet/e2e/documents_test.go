package e2e

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"signet/clients"
	"signet/cmd/signet/config"
)

// documentHost is where the makers of apps publish their metadata documents: a
// server with https on a loopback address.
type documentHost struct {
	*httptest.Server
	t      testing.TB
	caFile string

	mu    sync.Mutex
	pages map[string]http.HandlerFunc
	asked map[string]int
}

func newDocumentHost(t testing.TB) *documentHost {
	t.Helper()
	h := &documentHost{t: t, pages: map[string]http.HandlerFunc{}, asked: map[string]int{}}
	h.Server = httptest.NewUnstartedServer(h)
	h.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that are meant to fail
	h.StartTLS()
	t.Cleanup(h.Close)
	h.caFile = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw})
	if err := os.WriteFile(h.caFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *documentHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.asked[r.URL.Path]++
	page := h.pages[r.URL.Path]
	h.mu.Unlock()
	if page == nil {
		http.NotFound(w, r)
		return
	}
	page(w, r)
}

// fetches is how often any of these paths was asked for; without one, all.
func (h *documentHost) fetches(paths ...string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, p := range paths {
		n += h.asked[p]
	}
	if len(paths) == 0 {
		for _, times := range h.asked {
			n += times
		}
	}
	return n
}

// serve answers at path, and returns the client_id.
func (h *documentHost) serve(path string, page http.HandlerFunc) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pages[path] = page
	return h.URL + path
}

// publish serves a good document, changed as asked (nil takes a member out).
func (h *documentHost) publish(path string, change map[string]any) string {
	doc := map[string]any{
		"client_id": h.URL + path, "client_name": "Agent Smith",
		"redirect_uris": []string{testCallback, "http://localhost/callback"},
		"grant_types":   []string{"authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"},
	}
	for name, value := range change {
		if value == nil {
			delete(doc, name)
		} else {
			doc[name] = value
		}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.serve(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(raw)
	})
}

// trusted lets the server fetch from the host.
func (h *documentHost) trusted(cfg *config.Config) {
	cfg.Fetch.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	cfg.Fetch.ExtraCAFile = h.caFile
}

// stored counts the rows that strangers could fill the database with.
func (i *issuer) stored(t testing.TB) int {
	t.Helper()
	all, err := i.Store.Clients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// documentURL is an authorization request of a public client.
func (i *issuer) documentURL(id, challenge string, change map[string]string) string {
	q := map[string]string{"code_challenge": challenge, "code_challenge_method": "S256"}
	for name, value := range change {
		q[name] = value
	}
	return i.authorizeURL(id, q)
}

// signInTo gets tokens for a client that a document introduces.
func (i *issuer) signInTo(t testing.TB, b *browser, username, id string, change map[string]string) answer {
	t.Helper()
	verifier, challenge := pkcePair(t)
	code := b.authorize(i.documentURL(id, challenge, change), username)
	a := i.post(t, "/oauth2/token", id, "", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier},
		"redirect_uri": {testCallback}, "resource": nonEmpty(change["resource"]),
	})
	if a.Status != http.StatusOK {
		t.Fatalf("exchange: %d %s", a.Status, a.Raw)
	}
	return a
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// storedDocument is the row of a client that a document introduced.
func (i *issuer) storedDocument(t testing.TB, id string) clients.Client {
	t.Helper()
	c, err := i.Store.Client(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
