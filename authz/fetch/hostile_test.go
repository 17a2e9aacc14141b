package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestRedirectsAreAnswers(t *testing.T) {
	inner, hits := counted(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		outer := httptest.NewServer(http.RedirectHandler(inner.URL, status))
		res, err := get(t, New(Config{AllowNetworks: loopback}), outer.URL)
		outer.Close()
		if err != nil || res.Status != status {
			t.Errorf("%d: %v, %v", status, res, err)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// What is larger than it may be is an error, whatever the headers say.
func TestLargeAnswers(t *testing.T) {
	large := bytes.Repeat([]byte("a"), DefaultMaxBytes+1)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(bytes.Repeat(large, 20))
	_ = z.Close()
	for name, tt := range map[string]struct {
		answer func(w http.ResponseWriter)
		want   string // of the error; empty is none
		size   int
	}{
		"just fits": {func(w http.ResponseWriter) { _, _ = w.Write(large[1:]) }, "", DefaultMaxBytes},
		"too large": {func(w http.ResponseWriter) { _, _ = w.Write(large) }, "too large", 0},
		"chunked": {func(w http.ResponseWriter) {
			for range 40 {
				_, _ = w.Write(large[:len(large)/32])
				w.(http.Flusher).Flush()
			}
		}, "too large", 0},
		"Content-Length too large": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write(large[:5])
		}, "EOF", 0},
		"Content-Length lies": {func(w http.ResponseWriter) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"+string(large))
		}, "", 2},
		"no length at all": {func(w http.ResponseWriter) { hijack(w, "HTTP/1.0 200 OK\r\n\r\n"+string(large)) }, "too large", 0},
		"a gzip bomb": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		}, "", bomb.Len()},
		"huge headers": {func(w http.ResponseWriter) { w.Header().Set("X", string(large[:maxHeader*2])) }, "header", 0},
		"a flood of early hints": {func(w http.ResponseWriter) {
			hijack(w, strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: "+strings.Repeat("a", 1000)+"\r\n\r\n", 100))
		}, "header", 0},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tt.answer(w) }))
			defer server.Close()
			res, err := get(t, New(Config{AllowNetworks: loopback}), server.URL+"/?query=secret")
			switch {
			case tt.want == "" && (err != nil || len(res.Body) != tt.size):
				t.Errorf("got %v, want %d bytes", err, tt.size)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret")):
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// hijack writes an answer that net/http would not.
func hijack(w http.ResponseWriter, answer string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = conn.Write([]byte(answer))
	_ = conn.Close()
}

// Whoever is slow, at whichever point, is cut off.
func TestSlowServers(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ended := make(chan struct{})
	drip := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte("a"))
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
		close(ended)
	}))
	defer drip.Close()
	stuck := &blocking{}
	for name, url := range map[string]string{
		"no handshake": "https://" + silent.Addr().String(),
		"no headers":   "http://" + silent.Addr().String(),
		"a body drip":  drip.URL,
		"no name":      "https://stuck.example/",
	} {
		t.Run(name, func(t *testing.T) {
			c := New(Config{AllowNetworks: loopback, Timeout: 100 * time.Millisecond, Resolver: stuck})
			if _, err := get(t, c, url); err == nil || !strings.Contains(err.Error(), "deadline") && !strings.Contains(err.Error(), "timeout") {
				t.Errorf("got %v, want a timeout", err)
			}
		})
	}
	<-ended // the connection was closed
}

// blocking is a name server that does not answer.
type blocking struct{}

func (*blocking) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
