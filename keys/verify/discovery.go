package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// discovery finds out where the keys are.
type discovery struct {
	configured string
	mu         sync.Mutex
	found      string
}

func (d *discovery) jwksURI(ctx context.Context, v *Verifier) (string, error) {
	d.mu.Lock()
	found := d.found
	d.mu.Unlock()
	if d.configured != "" {
		found = d.configured
	}
	if found != "" {
		return found, nil
	}
	found, err := v.discover(ctx)
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.found = found
	return found, nil
}

func (d *discovery) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.found = ""
}

// discover reads the issuer's metadata: where OpenID Connect Discovery, section
// 4, puts it, which goes behind the issuer's path, or where RFC 8414, section 3,
// does, before it.
func (v *Verifier) discover(ctx context.Context) (string, error) {
	openID := strings.TrimSuffix(v.cfg.Issuer, "/") + "/.well-known/openid-configuration"
	oauth := *v.issuer
	oauth.Path = "/.well-known/oauth-authorization-server" + strings.TrimSuffix(v.issuer.Path, "/")
	address := openID
	a, err := v.get(ctx, address, "application/json", "")
	if errors.Is(err, errNotFound) {
		address = oauth.String()
		a, err = v.get(ctx, address, "application/json", "")
	}
	if err != nil {
		return "", err
	}
	var metadata struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(a.body, &metadata); err != nil {
		return "", fmt.Errorf("%s: %w", address, err)
	}
	// Or it could be anybody's (RFC 8414, section 3.3).
	if metadata.Issuer != v.cfg.Issuer {
		return "", fmt.Errorf("%s is the metadata of %q, not of %q", address, clip(metadata.Issuer), v.cfg.Issuer)
	}
	if _, err := parseSecureURL(metadata.JWKSURI); err != nil {
		return "", fmt.Errorf("%s: jwks_uri: %w", address, err)
	}
	return metadata.JWKSURI, nil
}
