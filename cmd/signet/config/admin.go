package config

import (
	"net"
	"strconv"
)

// Admin holds the rules for the admin API.
type Admin struct {
	// Enabled serves it. It lets nobody in until the operator has registered a
	// client for it.
	Enabled bool `config:"enabled"`
	// Listen is a host:port of its own; then the main listener does not have it.
	// Empty, it is below the issuer.
	Listen string `config:"listen"`
}

// Separate reports whether the admin API has a listener of its own.
func (a Admin) Separate() bool { return a.Enabled && a.Listen != "" }

func (v *validator) admin() {
	own := v.cfg.Admin.Listen
	if own == "" {
		return
	}
	_, port, err := net.SplitHostPort(own)
	n, errPort := strconv.Atoi(port)
	switch {
	case err != nil || errPort != nil || n < 0 || n > 65535:
		v.fault("admin.listen", "%q is not an address and a port; write it like 127.0.0.1:9097, or take the line out to have it below the issuer", own)
	case own == v.cfg.Listen && n != 0:
		v.fault("admin.listen", "is the same as listen; write another port, or take the line out to have both on that one")
	case !v.cfg.Admin.Enabled:
		v.fault("admin.listen", "is set, but admin.enabled is false; take one of them out")
	}
}
