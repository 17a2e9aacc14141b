package config

import (
	"slices"
	"strings"
	"testing"
)

func TestClientDocumentHosts(t *testing.T) {
	good := "client_documents:\n  allow_hosts: [app.example.com, \"*.example.com\", localhost, 192.0.2.1, \"2001:db8::1\"]\n"
	cfg, err := Load(write(t, good), nil)
	if err != nil || !cfg.ClientDocuments.Enabled || len(cfg.ClientDocuments.AllowHosts) != 5 {
		t.Errorf("%v, %+v", err, cfg)
	}
	for _, bad := range []string{"https://app.example.com", "app.example.com/", "app.example.com:443", "*", "app.*.com", "*example.com", ".example.com", "app.example.com.", "a b", ""} {
		file := write(t, "client_documents:\n  deny_hosts: [\""+bad+"\"]\n")
		_, err := Load(file, nil)
		if err == nil {
			t.Errorf("%q is taken", bad)
			continue
		}
		if got := lines(t, file, err); len(got) != 1 || !strings.HasPrefix(got[0], "config.yaml:2: client_documents.deny_hosts:") {
			t.Errorf("%q: %q", bad, got)
		}
	}
	cfg, err = Load(write(t, ""), []string{"SIGNET_CLIENT_DOCUMENTS_ENABLED=false", "SIGNET_CLIENT_DOCUMENTS_DENY_HOSTS=a.test, b.test"})
	if err != nil || cfg.ClientDocuments.Enabled || !slices.Equal(cfg.ClientDocuments.DenyHosts, []string{"a.test", "b.test"}) {
		t.Errorf("%v, %+v", err, cfg)
	}
}
