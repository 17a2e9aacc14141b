package server

import (
	"fmt"

	"signet/authz/fetch"
	"signet/cmd/signet/config"
)

// newFetcher is the one way out for documents that clients name.
func newFetcher(cfg *config.Config) (*fetch.Client, error) {
	roots, err := fetch.LoadCAs(cfg.Fetch.ExtraCAFile)
	if err != nil {
		return nil, fmt.Errorf("fetch.extra_ca_file: %w", err)
	}
	return fetch.New(fetch.Config{AllowNetworks: cfg.Fetch.AllowNetworks, RootCAs: roots}), nil
}
