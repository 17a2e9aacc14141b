package authz

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// How long a document counts (RFC 9111, section 4.2), within our bounds.
func TestDocumentIsKeptByItsHeaders(t *testing.T) {
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for n := 0; n < len(pairs); n += 2 {
			h.Add(pairs[n], pairs[n+1])
		}
		return h
	}
	const date, later = "Mon, 02 Mar 2026 10:00:00 GMT", "Mon, 02 Mar 2026 12:00:00 GMT"
	for name, c := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"silent":              {header(), documentDefault},
		"max-age":             {header("Cache-Control", "public, max-age=3600"), time.Hour},
		"in quotes":           {header("cache-control", `Max-Age="3600"`), time.Hour},
		"in a second header":  {header("Cache-Control", "public", "Cache-Control", "max-age=3600"), time.Hour},
		"with an age":         {header("Cache-Control", "max-age=3600", "Age", "600"), 50 * time.Minute},
		"older than that":     {header("Cache-Control", "max-age=3600", "Age", "9999"), documentLeast},
		"short":               {header("Cache-Control", "max-age=0"), documentLeast},
		"negative":            {header("Cache-Control", "max-age=-5"), documentLeast},
		"long":                {header("Cache-Control", "max-age=31536000"), documentMost},
		"more than a number":  {header("Cache-Control", "max-age=99999999999999999999"), documentDefault},
		"no-store":            {header("Cache-Control", "max-age=3600, no-store"), documentLeast},
		"no-cache":            {header("Cache-Control", "no-cache"), documentLeast},
		"expires":             {header("Date", date, "Expires", later), 2 * time.Hour},
		"expired":             {header("Date", later, "Expires", date), documentLeast},
		"expires in no words": {header("Date", date, "Expires", "0"), documentLeast},
		"max-age and expires": {header("Date", date, "Expires", later, "Cache-Control", "max-age=900"), 15 * time.Minute},
	} {
		if got := freshFor(c.header); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestDocumentCacheForgetsTheOneUnusedLongest(t *testing.T) {
	c := newDocumentCache()
	id := func(n int) string { return fmt.Sprintf("https://app.example.com/%d", n) }
	for n := range maxDocuments {
		c.put(&clientDocument{id: id(n)})
	}
	if c.get(id(0)) == nil {
		t.Fatal("one is forgotten before the cache is full")
	}
	c.put(&clientDocument{id: id(maxDocuments)})
	c.put(&clientDocument{id: id(maxDocuments)}) // again
	if c.get(id(1)) != nil || c.get(id(0)) == nil || c.get(id(2)) == nil || c.used.Len() != maxDocuments || len(c.byID) != maxDocuments {
		t.Errorf("%d are kept, and not the last used ones", c.used.Len())
	}
}

func TestFetchesForStrangersAreFew(t *testing.T) {
	var b fetchBudget
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	count := func(remote string) (n int) {
		for range 2 * fetchesPerMinute {
			if b.take(now, remote) {
				n++
			}
		}
		return n
	}
	if n := count("192.0.2.1"); n != fetchesPerAddress {
		t.Errorf("one address causes %d", n)
	}
	total := fetchesPerAddress
	for n := range 100 {
		total += count(fmt.Sprintf("198.51.100.%d", n))
	}
	if total != fetchesPerMinute {
		t.Errorf("all together cause %d", total)
	}
	now = now.Add(time.Minute)
	if n := count("192.0.2.1"); n != fetchesPerAddress || len(b.by) != 1 {
		t.Errorf("a minute later it is %d, of %d addresses", n, len(b.by))
	}
}

func TestHostLists(t *testing.T) {
	list := []string{"app.example.com", "*.Example.org"}
	for host, want := range map[string]bool{
		"app.example.com": true, "x.app.example.com": false, "example.com": false, "app.example.com.evil.test": false,
		"a.example.org": true, "a.b.example.org": true, "example.org": false, "evilexample.org": false,
	} {
		if got := listed(list, host); got != want {
			t.Errorf("%s: %t", host, got)
		}
	}
}

func TestFindResource(t *testing.T) {
	allowed := []string{"https://mcp.example.com", "https://api.example.com/", "https://api.example.com/v1", "urn:api"}
	for requested, want := range map[string]string{
		"https://mcp.example.com": "https://mcp.example.com", "https://mcp.example.com/": "https://mcp.example.com",
		"https://api.example.com": "", "https://api.example.com/": "https://api.example.com/",
		"https://api.example.com/v1": "https://api.example.com/v1", "urn:api": "urn:api",
		"https://api.example.com/v1/": "", "https://MCP.example.com": "", "http://mcp.example.com/": "", "https://mcp.example.com//": "",
		"https://mcp.example.com?": "", "https://": "", "urn:api/": "", "https:///": "",
	} {
		if got, ok := findResource(allowed, requested); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %t; want %q", requested, got, ok, want)
		}
	}
}
