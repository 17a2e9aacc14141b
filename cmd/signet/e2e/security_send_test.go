package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// This file sends what no well-behaved client would: many requests at the
// same instant, and bytes that no library lets pass.

// atOnce runs n functions that start together.
func atOnce(n int, f func(int)) {
	var ready, done sync.WaitGroup
	gate := make(chan struct{})
	for k := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-gate
			f(k)
		})
	}
	ready.Wait()
	close(gate)
	done.Wait()
}

// postAlone is issuer.post on a connection of its own.
func (i *issuer) postAlone(t testing.TB, path, clientID, secret string, form url.Values) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Error(err)
		return answer{}
	}
	req.Close = true
	req.Header.Set("Content-Type", formType)
	req.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(secret))
	return do(t, req)
}

// postAtOnce sends n times the same form, each on a connection of its own: all
// but the last byte of every request is there before the last bytes are sent.
func (i *issuer) postAtOnce(t testing.TB, n int, path, clientID, secret string, form url.Values) []answer {
	t.Helper()
	body := form.Encode()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	req.Header.Set("Content-Type", formType)
	req.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(secret))
	var text bytes.Buffer
	if err := req.Write(&text); err != nil {
		t.Fatal(err)
	}
	head, last := text.Bytes()[:text.Len()-1], text.Bytes()[text.Len()-1:]
	connections, answers := make([]net.Conn, n), make([]answer, n)
	for k := range connections {
		if connections[k], err = net.Dial("tcp", i.address()); err != nil {
			t.Fatal(err)
		}
		defer connections[k].Close()
		if _, err := connections[k].Write(head); err != nil {
			t.Fatal(err)
		}
	}
	atOnce(n, func(k int) {
		if _, err := connections[k].Write(last); err != nil {
			t.Error(err)
			return
		}
		resp, err := http.ReadResponse(bufio.NewReader(connections[k]), req)
		if err != nil {
			t.Error(err)
			return
		}
		answers[k] = readAnswer(t, resp)
	})
	return answers
}

// send sends any request to any path, as it stands.
func (i *issuer) send(t testing.TB, method, path, contentType, body string, header http.Header) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, i.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return do(t, req)
}

// raw writes bytes to the server's port and reads one response, redirects not
// followed.
func raw(t testing.TB, address, request string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	return readAnswer(t, resp)
}

// readAnswer reads a response whole.
func readAnswer(t testing.TB, resp *http.Response) answer {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: resp.StatusCode, Header: resp.Header, Raw: string(body)}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(body, &a.Body); err != nil {
			t.Fatalf("not JSON: %v\n%s", err, body)
		}
	}
	return a
}

// rawGet is the text of a GET with a path and headers that no library would
// let pass.
func rawGet(path, host string, headers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", path, host)
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	return b.String() + "\r\n"
}

// address is the server's host and port, as long as its issuer names them.
func (i *issuer) address() string { return strings.TrimPrefix(i.URL, "http://") }
