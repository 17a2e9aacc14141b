package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, to, string(text))
}

func TestFetch(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yaml")
	writePair(t, dir)
	for text, want := range map[string]string{
		"fetch: {allow_networks: [10.0.0.0/8, 127.0.0.1, \"fd00::/8\"]}": "",
		"fetch:\n  extra_ca_file: tls/cert.pem":                          "",
		"fetch:\n  allow_networks: [0.0.0.0/0]":                          "config.yaml:2: fetch.allow_networks: 0.0.0.0/0 would let",
		"fetch:\n  allow_networks: [\"::/0\"]":                           "config.yaml:2: fetch.allow_networks: ::/0 would let",
		"fetch:\n  allow_networks: [\"::ffff:10.0.0.0/104\"]":            "is an IPv4 network in the guise",
		"fetch:\n  allow_networks: [localhost]":                          "\"localhost\" is not an address or a network",
		"fetch:\n  extra_ca_file: gone.pem":                              "config.yaml:2: fetch.extra_ca_file: cannot read it",
		"fetch:\n  extra_ca_file: tls/key.pem":                           "config.yaml:2: fetch.extra_ca_file: cannot be used: there is no certificate",
		"fetch:\n  allow_network: [10.0.0.0/8]":                          "allow_networks",
	} {
		writeFile(t, file, text+"\n")
		_, err := Load(file, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	writeFile(t, file, "")
	cfg, err := Load(file, []string{"SIGNET_FETCH_ALLOW_NETWORKS=10.0.0.0/8, 127.0.0.1", "SIGNET_FETCH_EXTRA_CA_FILE=" + filepath.Join(dir, "tls", "cert.pem")})
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32")}
	if err != nil || !slices.Equal(cfg.Fetch.AllowNetworks, want) {
		t.Errorf("by the environment: %v, %v", cfg, err)
	}
}
