package fetch

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	for raw, want := range map[string]string{
		"https://app.example/jwks.json":              "",
		"https://APP.example:8443/a?b=c":             "",
		"https://xn--bcher-kva.example/":             "",
		"https://8.8.8.8/":                           "",
		"https://[2606:4700::1]:443/":                "",
		"https://a_b.example/":                       "",
		"https://3f2a9c/":                            "",
		"http://app.example/":                        "", // for its addresses to decide
		"":                                           "https://",
		"app.example":                                "https://",
		"/etc/passwd":                                "https://",
		"file:///etc/passwd":                         "https://",
		"ftp://app.example/":                         "https://",
		"gopher://app.example/":                      "https://",
		"javascript:alert(1)":                        "https://",
		"data:application/json,{}":                   "https://",
		"unix:///var/run/docker.sock":                "https://",
		"https:app.example":                          "host",
		"https:///app.example":                       "host",
		"https://":                                   "host",
		"https://:443/":                              "host",
		"https://user@app.example/":                  "user name",
		"https://user:pass@app.example/":             "user name",
		"https://@app.example/":                      "user name",
		"https://app.example/#":                      "fragment",
		"https://app.example/#f":                     "fragment",
		"https://app.example:0/":                     "port",
		"https://app.example:65536/":                 "port",
		"https://app.example:/":                      "port",
		"https://app.example:+1/":                    "malformed",
		"https://app.example.:443/":                  "single dots",
		"https://127.0.0.1./":                        "single dots",
		"https://localhost./":                        "single dots",
		"https://a..b/":                              "single dots",
		"https://.a/":                                "single dots",
		"https://bücher.example/":                    "Punycode",
		"https://127\uff0e0\uff0e0\uff0e1/":          "Punycode",
		"https://\uff11\uff12\uff17.0.0.1/":          "Punycode",
		"https://127.0.0.1%2f.example/":              "malformed",
		"https://127.0.0.1\\@app.example/":           "malformed",
		"https://app.example\t/":                     "malformed",
		"https://app.example /":                      "malformed",
		"https://app.example\x00/":                   "malformed",
		"https://a,b/":                               "Punycode",
		"https://2130706433/":                        "four numbers",
		"https://0x7f000001/":                        "four numbers",
		"https://0x7f.1/":                            "four numbers",
		"https://0X7F.0X1/":                          "four numbers",
		"https://127.1/":                             "four numbers",
		"https://0/":                                 "four numbers",
		"https://017700000001/":                      "four numbers",
		"https://0177.0.0.1/":                        "four numbers",
		"https://127.0.0.01/":                        "four numbers",
		"https://127.0.0.0x1/":                       "four numbers",
		"https://127.0.0.256/":                       "four numbers",
		"https://1.2.3.4.5/":                         "four numbers",
		"https://0x/":                                "four numbers",
		"https://[fe80::1%25eth0]/":                  "zone",
		"https://[::1%25lo]/":                        "zone",
		"https://[::ffff:127.0.0.1%25lo]/":           "zone",
		"https://[v1.a]/":                            "malformed",
		"https://[::1/":                              "malformed",
		"https://a/" + strings.Repeat("a", 2e3):      "", // just fits
		"https://a/" + strings.Repeat("a", 3e3):      "longer",
		"https://" + strings.Repeat("a", 64) + ".b/": "Punycode",
	} {
		u, err := CheckURL(raw)
		switch {
		case want == "" && (err != nil || u.Host != strings.ToLower(u.Host)):
			t.Errorf("%q: %v, %v", raw, u, err)
		case want != "" && (!errors.Is(err, ErrURL) || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v, want %q", raw, err, want)
		}
	}
}

// The addresses of SECURITY's table and of IANA's registries: what is reached
// with nothing allowed, and what with two networks allowed.
func TestReachable(t *testing.T) {
	nothing := New(Config{})
	some := New(Config{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}})
	for text, want := range map[string]struct{ public, allowed bool }{
		"8.8.8.8":                {true, true},
		"93.184.215.14":          {true, true},
		"::ffff:8.8.8.8":         {true, true}, // the same address
		"2606:4700::1111":        {true, true},
		"10.1.2.3":               {false, true},
		"::ffff:10.1.2.3":        {false, true},
		"fd00:1::1":              {false, true},
		"fd00:2::1":              {false, false},
		"10.2.0.1":               {false, false},
		"0.0.0.0":                {false, false},
		"0.1.2.3":                {false, false},
		"100.64.0.1":             {false, false},
		"127.0.0.1":              {false, false},
		"127.255.255.254":        {false, false},
		"169.254.169.254":        {false, false},
		"172.16.0.1":             {false, false},
		"172.31.255.255":         {false, false},
		"192.0.0.170":            {false, false},
		"192.168.1.1":            {false, false},
		"198.18.0.1":             {false, false},
		"203.0.113.1":            {false, false},
		"224.0.0.1":              {false, false},
		"255.255.255.255":        {false, false},
		"::":                     {false, false},
		"::1":                    {false, false},
		"::127.0.0.1":            {false, false}, // IPv4-compatible
		"::ffff:127.0.0.1":       {false, false}, // IPv4-mapped
		"::ffff:169.254.169.254": {false, false},
		"::ffff:0:127.0.0.1":     {false, false}, // IPv4-translated
		"64:ff9b::7f00:1":        {false, false}, // NAT64
		"64:ff9b::a01:203":       {false, false}, // NAT64 of an address that is allowed
		"64:ff9b:1::7f00:1":      {false, false},
		"2002:7f00:1::1":         {false, false}, // 6to4
		"2001:0:1::1":            {false, false}, // Teredo
		"2001:db8::1":            {false, false},
		"fc00::1":                {false, false},
		"fe80::1":                {false, false},
		"fec0::1":                {false, false},
		"ff02::1":                {false, false},
		"100::1":                 {false, false},
		"4000::1":                {false, false}, // given to nobody
		"2606:4700::1111%eth0":   {false, false},
		"fd00:1::1%eth0":         {false, false},
		"fd00:ec2::254":          {false, false},
	} {
		a := netip.MustParseAddr(text)
		if got := nothing.reachable(a); got != want.public {
			t.Errorf("%s with nothing allowed: %t", text, got)
		}
		if got := some.reachable(a); got != want.allowed {
			t.Errorf("%s with networks allowed: %t", text, got)
		}
		if nothing.inside(a) || some.inside(a) != (want.allowed && !want.public) {
			t.Errorf("%s by http", text)
		}
	}
	if nothing.reachable(netip.Addr{}) || some.inside(netip.Addr{}) {
		t.Error("no address at all is reachable")
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{"https://a.example/", "https://[::1]:1/", "http://0x7f.1", "https://a@b", "https://a#b", "https://127.0.0.1./"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := CheckURL(raw)
		if err != nil {
			return
		}
		if again, err := CheckURL(u.String()); err != nil || again.Host != u.Host {
			t.Errorf("%q becomes %q, which reads as %v, %v", raw, u, again, err)
		}
		if u.User != nil || u.Hostname() == "" || strings.HasSuffix(u.Hostname(), ".") {
			t.Errorf("%q was accepted as %q", raw, u)
		}
	})
}
