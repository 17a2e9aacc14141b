package fetch

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// names is a resolver that answers each question about a name with the next of
// its lists, the last one for ever.
type names struct {
	mu    sync.Mutex
	lists map[string][][]string
	asked int
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	lists, ok := n.lists[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(lists) > 1 {
		n.lists[host] = lists[1:]
	}
	var out []netip.Addr
	for _, text := range lists[0] {
		out = append(out, netip.MustParseAddr(text))
	}
	return out, nil
}

// counted is a server that counts who comes, and is never to be reached.
func counted(t *testing.T) (server *httptest.Server, hits *atomic.Int64) {
	hits = &atomic.Int64{}
	server = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	t.Cleanup(server.Close)
	return server, hits
}

func portOf(t *testing.T, server *httptest.Server) string {
	t.Helper()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func get(t *testing.T, c *Client, url string) (*Response, error) {
	t.Helper()
	return c.Do(t.Context(), Request{URL: url})
}

// Nothing private is reached by any spelling, and nobody is asked twice.
func TestPrivateAddressesAreNotReached(t *testing.T) {
	inner, hits := counted(t)
	port := portOf(t, inner)
	resolver := &names{lists: map[string][][]string{
		"localhost":          {{"127.0.0.1"}},
		"inner.example":      {{"127.0.0.1"}},
		"metadata.example":   {{"169.254.169.254"}},
		"mixed.example":      {{"93.184.215.14", "127.0.0.1"}},
		"mixed-last.example": {{"2606:4700::1", "::ffff:127.0.0.1"}},
		"mapped.example":     {{"::ffff:127.0.0.1"}},
		"zoned.example":      {{"fe80::1%lo"}},
		"nat64.example":      {{"64:ff9b::7f00:1"}},
		"empty.example":      {{}},
	}}
	c := New(Config{Resolver: resolver})
	for _, scheme := range []string{"https", "http"} {
		refusal := map[string]error{"https": ErrAddress, "http": ErrPlain}[scheme]
		for _, host := range []string{
			"127.0.0.1", "127.8.8.8", "[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[::]", "0.0.0.0",
			"localhost", "LocalHost", "inner.example", "metadata.example", "169.254.169.254", "mixed.example", "mixed-last.example", "mapped.example",
			"zoned.example", "nat64.example", "10.0.0.1", "192.168.0.1",
		} {
			if _, err := get(t, c, scheme+"://"+host+":"+port+"/"); !errors.Is(err, refusal) {
				t.Errorf("%s://%s: got %v, want %v", scheme, host, err, refusal)
			}
		}
	}
	if _, err := get(t, c, "https://empty.example/"); err == nil || !strings.Contains(err.Error(), "no address") {
		t.Errorf("a name without an address: %v", err)
	}
	if _, err := get(t, c, "https://gone.example/"); err == nil || !strings.Contains(err.Error(), "no such host") {
		t.Errorf("a name that is not there: %v", err)
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests came through", n)
	}
}

// A name that is judged is not asked for again: what it says a moment later is
// of no account, in either direction.
func TestNamesAreResolvedOnce(t *testing.T) {
	inner, hits := counted(t)
	resolver := &names{lists: map[string][][]string{"rebind.example": {{"192.168.9.9"}, {"127.0.0.1"}}}}
	c := New(Config{Resolver: resolver, AllowNetworks: loopback})
	if _, err := get(t, c, "http://rebind.example:"+portOf(t, inner)+"/"); !errors.Is(err, ErrPlain) || resolver.asked != 1 || hits.Load() != 0 {
		t.Errorf("got %v after %d questions and %d requests", err, resolver.asked, hits.Load())
	}
	resolver = &names{lists: map[string][][]string{"rebind.example": {{"127.0.0.1"}, {"192.168.9.9"}}}}
	c = New(Config{Resolver: resolver, AllowNetworks: loopback})
	res, err := get(t, c, "http://rebind.example:"+portOf(t, inner)+"/")
	if err != nil || res.Status != http.StatusOK || resolver.asked != 1 || hits.Load() != 1 {
		t.Errorf("got %v, %v after %d questions and %d requests", res, err, resolver.asked, hits.Load())
	}
}

// http goes to allowed networks alone, not to the rest of the world once one
// network is allowed.
func TestPlainHTTPStaysInside(t *testing.T) {
	c := New(Config{AllowNetworks: loopback, Resolver: &names{lists: map[string][][]string{
		"public.example": {{"93.184.215.14"}}, "both.example": {{"127.0.0.1", "93.184.215.14"}},
	}}})
	for _, host := range []string{"public.example", "both.example", "93.184.215.14", "[2606:4700::1]", "10.0.0.1"} {
		if _, err := get(t, c, "http://"+host+"/"); !errors.Is(err, ErrPlain) {
			t.Errorf("%s: got %v, want ErrPlain", host, err)
		}
	}
}

// An address that swallows packets does not hide the one after it.
func TestSecondAddressIsTried(t *testing.T) {
	server, hits := counted(t)
	c := New(Config{AllowNetworks: loopback, Resolver: &names{lists: map[string][][]string{"two.example": {{"::1", "127.0.0.1"}}}}})
	if _, err := get(t, c, "http://two.example:"+portOf(t, server)+"/"); err != nil || hits.Load() != 1 {
		t.Errorf("%v, %d requests", err, hits.Load())
	}
}

// So many fetches from one host at once, and not one more; another host is not
// touched by it.
func TestFetchesPerHost(t *testing.T) {
	arrived, leave := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			arrived <- struct{}{}
			<-leave
		}
	}))
	defer server.Close()
	other, _ := counted(t)
	c := New(Config{AllowNetworks: loopback})
	var done sync.WaitGroup
	for range DefaultPerHost {
		done.Go(func() {
			if _, err := get(t, c, server.URL+"/wait"); err != nil {
				t.Error(err)
			}
		})
		<-arrived
	}
	if _, err := get(t, c, server.URL); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	if _, err := get(t, c, other.URL); err != nil {
		t.Errorf("another host: %v", err)
	}
	close(leave)
	done.Wait()
	if _, err := get(t, c, server.URL); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if len(c.busy) != 0 {
		t.Errorf("%v is counted still", c.busy)
	}
}

// The certificate has to be for the host, and of an authority that is known.
func TestCertificates(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	defer server.Close()
	server.Config.ErrorLog = nil
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	own, err := LoadCAs(file)
	if err != nil {
		t.Fatal(err)
	}
	resolver := &names{lists: map[string][][]string{"example.com": {{"127.0.0.1"}}, "wrong.example": {{"127.0.0.1"}}}}
	port := portOf(t, server)
	for name, tt := range map[string]struct {
		roots *x509.CertPool
		host  string
		ok    bool
	}{
		"its name":               {own, "example.com", true},
		"its address":            {own, "127.0.0.1", true},
		"another name":           {own, "wrong.example", false},
		"an authority not known": {nil, "example.com", false},
	} {
		c := New(Config{AllowNetworks: loopback, Resolver: resolver, RootCAs: tt.roots})
		res, err := get(t, c, "https://"+tt.host+":"+port+"/")
		if tt.ok && (err != nil || string(res.Body) != "HTTP/1.1") || !tt.ok && (err == nil || !strings.Contains(err.Error(), "certificate")) {
			t.Errorf("%s: %v, %v", name, res, err)
		}
	}
}

func TestLoadCAs(t *testing.T) {
	if pool, err := LoadCAs(""); pool != nil || err != nil {
		t.Errorf("no file: %v, %v", pool, err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if _, err := LoadCAs(file); err == nil {
		t.Error("a file that is not there is no error")
	}
	if err := os.WriteFile(file, []byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadCAs(file); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("a file without a certificate: %v", err)
	}
}

// A request carries what its caller gave it and nothing of the environment: no
// proxy, no cookies, no Accept-Encoding.
func TestWhatIsSent(t *testing.T) {
	proxy, hits := counted(t)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	var seen []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r)
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b", Path: "/"})
	}))
	defer server.Close()
	c := New(Config{AllowNetworks: loopback, Resolver: &names{lists: map[string][][]string{"app.example": {{"127.0.0.1"}}}}})
	url := "http://app.example:" + portOf(t, server) + "/keys?a=b"
	for range 2 {
		if _, err := c.Do(t.Context(), Request{URL: url, Method: http.MethodPost, Header: http.Header{"Accept": {"application/json"}}, Body: []byte("x=y")}); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range seen {
		if r.Header.Get("Cookie") != "" || r.Header.Get("Accept-Encoding") != "" || r.Header.Get("Accept") != "application/json" ||
			r.Method != http.MethodPost || r.ContentLength != 3 || r.RequestURI != "/keys?a=b" || r.Header.Get("User-Agent") != "signet" {
			t.Errorf("%s %s %v", r.Method, r.RequestURI, r.Header)
		}
	}
	if n := hits.Load(); n != 0 || len(seen) != 2 {
		t.Errorf("%d requests went to the proxy, %d to the host", n, len(seen))
	}
}

func TestCallerMayAskForLess(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "0123456789") }))
	defer server.Close()
	c := New(Config{AllowNetworks: loopback, MaxBytes: 10})
	for most, ok := range map[int64]bool{0: true, 9: false, 10: true, 99: true} {
		if _, err := c.Do(t.Context(), Request{URL: server.URL, MaxBytes: most}); (err == nil) != ok || !ok && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d: %v", most, err)
		}
	}
}
