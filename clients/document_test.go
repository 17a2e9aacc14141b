package clients

import (
	"strings"
	"testing"
)

// Client ID Metadata Documents, section 3: every rule, and what parsers disagree
// about.
func TestCheckDocumentURL(t *testing.T) {
	for _, good := range []string{
		"https://app.example.com/client.json", "https://app.example.com:8443/client", "https://app.example.com/",
		"https://127.0.0.1:9/client.json", "https://[2001:db8::1]/c", "https://app.example.com/a%20b/c",
	} {
		if u, err := CheckDocumentURL(good); err != nil || u.String() != good {
			t.Errorf("%s: %v, %v", good, u, err)
		}
	}
	for name, bad := range map[string]string{
		"http":               "http://app.example.com/client.json",
		"upper-case scheme":  "HTTPS://app.example.com/client.json",
		"no path":            "https://app.example.com",
		"no host":            "https:///client.json",
		"user":               "https://ada@app.example.com/client.json",
		"user and password":  "https://app.example.com:x@evil.test/client.json",
		"fragment":           "https://app.example.com/client.json#x",
		"empty fragment":     "https://app.example.com/client.json#",
		"query":              "https://app.example.com/echo?client=x",
		"empty query":        "https://app.example.com/client.json?",
		"dot":                "https://app.example.com/./client.json",
		"dots":               "https://app.example.com/a/../client.json",
		"dots at the end":    "https://app.example.com/a/..",
		"encoded dots":       "https://app.example.com/a/%2e%2E/client.json",
		"dots and parameter": "https://app.example.com/a/..;x/client.json",
		"backslash":          `https://app.example.com\client.json`,
		"space":              "https://app.example.com/a b",
		"newline":            "https://app.example.com/a\nb",
		"not ASCII":          "https://äpp.example.com/client.json",
		"bad percent":        "https://app.example.com/%zz",
		"trailing dot":       "https://app.example.com./client.json",
		"short IPv4":         "https://127.1/client.json",
		"hexadecimal IPv4":   "https://0x7f.1/client.json",
		"one number":         "https://2130706433/client.json",
		"port 0":             "https://app.example.com:0/client.json",
		"empty port":         "https://app.example.com:/client.json",
		"too long":           "https://app.example.com/" + strings.Repeat("a", 200),
	} {
		if u, err := CheckDocumentURL(bad); err == nil {
			t.Errorf("%s: %q is taken, as %v", name, bad, u)
		}
	}
}
