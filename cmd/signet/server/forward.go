package server

import (
	"signet/authz"
	"signet/cmd/signet/config"
)

// forwardSites are the sites that a proxy guards.
func forwardSites(cfg *config.Config) []authz.ForwardSite {
	var out []authz.ForwardSite
	for _, h := range cfg.ForwardAuth.Hosts {
		out = append(out, authz.ForwardSite{Host: h.Host, Name: h.Name, Groups: h.Groups})
	}
	return out
}
