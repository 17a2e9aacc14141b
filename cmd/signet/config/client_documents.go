package config

import (
	"regexp"
)

// ClientDocuments holds the rules for clients whose client_id is the URL of
// their metadata (Client ID Metadata Documents).
type ClientDocuments struct {
	// Enabled lets them in.
	Enabled bool `config:"enabled"`
	// AllowHosts, if there are any, are the only hosts whose documents count, and
	// those of DenyHosts never do: "app.example.com" is that host alone,
	// "*.example.com" every host below it.
	AllowHosts []string `config:"allow_hosts"`
	DenyHosts  []string `config:"deny_hosts"`
}

// hostPattern is a host, or every host below one: no scheme, port or path. An
// IPv6 address stands without its brackets.
var hostPattern = regexp.MustCompile(`^((\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]+)$`)

func (v *validator) clientDocuments() {
	for _, list := range []struct {
		path  string
		hosts []string
	}{
		{"client_documents.allow_hosts", v.cfg.ClientDocuments.AllowHosts},
		{"client_documents.deny_hosts", v.cfg.ClientDocuments.DenyHosts},
	} {
		for _, host := range list.hosts {
			if !hostPattern.MatchString(host) {
				v.fault(list.path, "%q is not a host; write app.example.com for one, or \"*.example.com\" for all below it, without https:// and port", host)
			}
		}
	}
}
