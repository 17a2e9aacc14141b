package config

import (
	"net/netip"

	"signet/authz/fetch"
)

// Fetch holds the rules for documents that clients name and the server fetches.
type Fetch struct {
	// AllowNetworks are reached although they are not public, by http too.
	AllowNetworks []netip.Prefix `config:"allow_networks"`
	// ExtraCAFile holds certificate authorities, in PEM, that count beside the
	// system's.
	ExtraCAFile string `config:"extra_ca_file,path"`
}

func (v *validator) fetch() {
	for _, p := range v.cfg.Fetch.AllowNetworks {
		switch {
		case p.Bits() == 0:
			v.fault("fetch.allow_networks", "%s would let every app have this server ask anything it can reach; name the networks of your apps alone", p)
		case p.Addr().Is4In6():
			v.fault("fetch.allow_networks", "%s is an IPv4 network in the guise of IPv6; write it as IPv4, such as 10.20.0.0/16", p)
		}
	}
	file := v.cfg.Fetch.ExtraCAFile
	if file == "" || !v.exists("fetch.extra_ca_file", file) {
		return
	}
	if _, err := fetch.LoadCAs(file); err != nil {
		v.fault("fetch.extra_ca_file", "cannot be used: %s; name a file of certificates in PEM", err)
	}
}
