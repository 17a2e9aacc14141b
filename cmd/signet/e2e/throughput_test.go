package e2e

import (
	"bufio"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"signet/clients"
)

// BenchmarkClientCredentials measures the token endpoint against the rate at
// which Go signs with RSA-2048 on the same processors in the same run; the
// ratio is what a token costs beyond its signature. The load comes from
// keep-alive connections in the same process and takes its share of the
// processors too.
//
//	go test ./cmd/signet/e2e -run - -bench ClientCredentials -benchtime 10s
func BenchmarkClientCredentials(b *testing.B) {
	i := start(b)
	secret := i.webApp(b, "job", func(c *clients.Client) {
		c.GrantTypes, c.RedirectURIs, c.PostLogoutRedirectURIs = []string{clients.GrantClientCredentials}, nil, nil
	})
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"job"}, "client_secret": {secret}}.Encode()
	host := strings.TrimPrefix(i.URL, "http://")
	request := fmt.Sprintf("POST /oauth2/token HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", host, len(form), form)

	var signing float64
	b.Run("raw RSA-2048", func(b *testing.B) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			b.Fatal(err)
		}
		digest := sha256.Sum256([]byte("a token"))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:]); err != nil {
					b.Error(err)
				}
			}
		})
		signing = float64(b.N) / b.Elapsed().Seconds()
		b.ReportMetric(signing, "signatures/s")
	})
	b.Run("token endpoint", func(b *testing.B) {
		serving := requestRate(b, host, request)
		if signing > 0 {
			b.ReportMetric(serving/signing, "of-raw-RSA")
		}
	})
}

func ask(conn net.Conn, r *bufio.Reader, request string) error {
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// BenchmarkJWKS measures the JWKS endpoint against a bare net/http handler that
// serves the same bytes with the same header, in the same run: the ratio is
// what routing, logging and the rest cost. The load comes from keep-alive
// connections in the same process.
//
//	go test ./cmd/signet/e2e -run - -bench JWKS -benchtime 5s
func BenchmarkJWKS(b *testing.B) {
	i := start(b)
	againstBareHandler(b, i, "JWKS", "/.well-known/jwks.json")
}

// BenchmarkStatusList is BenchmarkJWKS for a status list with 1,000 revoked
// tokens.
//
//	go test ./cmd/signet/e2e -run - -bench StatusList -benchtime 5s
func BenchmarkStatusList(b *testing.B) {
	i := start(b)
	secret := i.webApp(b, "job", credentialsOnly)
	var ref statusReference
	for range 1000 {
		token := i.post(b, "/oauth2/token", "job", secret, url.Values{"grant_type": {"client_credentials"}}).str("access_token")
		i.revoke(b, "job", secret, token)
		ref = statusOf(b, token)
	}
	againstBareHandler(b, i, "status list", strings.TrimPrefix(ref.URI, i.URL))
}

func againstBareHandler(b *testing.B, i *issuer, name, path string) {
	b.Helper()
	genuine, err := http.Get(i.URL + path)
	if err != nil {
		b.Fatal(err)
	}
	defer genuine.Body.Close()
	body, err := io.ReadAll(genuine.Body)
	if err != nil || genuine.StatusCode != http.StatusOK {
		b.Fatal(genuine.Status, err)
	}
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range []string{"Cache-Control", "ETag", "Content-Type", "Access-Control-Allow-Origin"} {
			w.Header().Set(name, genuine.Header.Get(name))
		}
		_, _ = w.Write(body)
	}))
	defer bare.Close()
	i.queries.take()

	var plain float64
	for _, server := range []struct{ name, url string }{{"bare handler", bare.URL}, {name, i.URL}} {
		b.Run(server.name, func(b *testing.B) {
			host := strings.TrimPrefix(server.url, "http://")
			rate := requestRate(b, host, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host))
			if server.url == bare.URL {
				plain = rate
			} else if plain > 0 {
				b.ReportMetric(rate/plain, "of-bare-handler")
			}
		})
	}
	// The ring reads its keys once a minute, and a list is looked up once a second.
	if reads, writes := i.queries.take(); len(writes) > 0 || len(reads) > 100 {
		b.Errorf("serving the %s asked the database: %q %q", name, reads, writes)
	}
}

// requestRate is how often a request is answered in a second, over a few
// connections that are kept.
func requestRate(b *testing.B, host, request string) float64 {
	b.SetParallelism(4)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", host)
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		for pb.Next() {
			if err := ask(conn, r, request); err != nil {
				b.Error(err)
				return
			}
		}
	})
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "requests/s")
	return rate
}
