package server

import (
	"signet/authz"
	"signet/authz/store"
	"signet/cmd/signet/config"
)

// clientDocuments is what is done about clients that introduce themselves by a
// document.
func clientDocuments(cfg *config.Config, st *store.Store) authz.ClientDocuments {
	return authz.ClientDocuments{
		Enabled: cfg.ClientDocuments.Enabled, AllowHosts: cfg.ClientDocuments.AllowHosts, DenyHosts: cfg.ClientDocuments.DenyHosts,
		Scopes: cfg.Registration.Scopes, Audiences: cfg.Registration.Audiences, Store: st,
	}
}
