package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"signet/clients"
	"signet/cmd/signet/config"
	"signet/keys"
	"signet/web"
)

// serveAdmin makes the handlers: the admin API is part of the main one, or has
// its own.
func (s *Server) serveAdmin(front web.Config, keyring keys.Config, now func() time.Time) (err error) {
	cfg := s.cfg.Admin
	if cfg.Enabled {
		front.Admin = &web.Admin{
			Registry: clients.NewRegistry(clients.RegistryConfig{Store: s.Store, Check: s.cfg.CheckClient, Now: now}),
			Clients:  s.Store, People: s.Login, Rows: s.Store,
			Keys:    keyKeeper{s.Keys, keyring},
			Nearest: config.Nearest,
		}
	}
	if cfg.Separate() {
		if s.AdminHandler, err = web.NewAdmin(front); err != nil {
			return err
		}
		front.Admin = nil
	}
	s.Handler, err = web.New(front)
	return err
}

func adminListenError(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("cannot listen on %s: another process has this port; stop it, or set admin.listen (SIGNET_ADMIN_LISTEN) to another", address)
	}
	return fmt.Errorf("cannot listen on %s: %w; set admin.listen (SIGNET_ADMIN_LISTEN) to an address of this machine", address, err)
}

// keyKeeper shows the ring of signing keys to the admin API.
type keyKeeper struct {
	ring *keys.Ring
	conf keys.Config
}

// Keys implements web.KeyKeeper.
func (k keyKeeper) Keys() ([]web.SigningKey, error) { return k.show(k.ring.Keys()...) }

// Rotate implements web.KeyKeeper.
func (k keyKeeper) Rotate(ctx context.Context, alg string, now bool) ([]web.SigningKey, bool, error) {
	if alg != "" && !slices.Contains(k.conf.Algorithms, alg) {
		return nil, false, &clients.FieldError{Field: "alg", Reason: "is not among keys.algorithms (" + strings.Join(k.conf.Algorithms, ", ") + ")"}
	}
	before := map[string]keys.State{}
	for _, key := range k.ring.Keys() {
		before[key.KID] = key.State
	}
	next, err := k.ring.Rotate(ctx, keys.RotateOptions{Algorithm: alg, Now: now})
	if err != nil {
		return nil, false, err
	}
	changed := slices.ContainsFunc(next, func(key keys.Key) bool { return before[key.KID] != key.State })
	shown, err := k.show(next...)
	return shown, changed, err
}

// Revoke implements web.KeyKeeper.
func (k keyKeeper) Revoke(ctx context.Context, kid, reason string) (web.RevokedKey, bool, error) {
	changed := slices.ContainsFunc(k.ring.Keys(), func(key keys.Key) bool { return key.KID == kid && key.State != keys.StateRevoked })
	v, err := k.ring.Revoke(ctx, kid, reason)
	if errors.Is(err, keys.ErrNoSuchKey) {
		return web.RevokedKey{}, false, fmt.Errorf("%w: %w", web.ErrNoSuchKey, err)
	}
	if err != nil {
		return web.RevokedKey{}, false, err
	}
	all := []keys.Key{v.Revoked}
	if v.Successor != nil {
		all = append(all, *v.Successor)
	}
	shown, err := k.show(all...)
	if err != nil {
		return web.RevokedKey{}, changed, err
	}
	done := web.RevokedKey{SigningKey: shown[0], TokensSince: v.TokensSince, GoneBy: v.GoneBy}
	if v.Successor != nil {
		done.Successor = &shown[1]
	}
	return done, changed, nil
}

// show adds the public key to those that are published.
func (k keyKeeper) show(all ...keys.Key) ([]web.SigningKey, error) {
	published := map[string]json.RawMessage{}
	if set, err := k.ring.JWKS(); err == nil { // without one, none is published
		var doc struct {
			Keys []json.RawMessage `json:"keys"`
		}
		if err := json.Unmarshal(set.Body, &doc); err != nil {
			return nil, fmt.Errorf("reading the JWKS: %w", err)
		}
		for _, jwk := range doc.Keys {
			var id struct {
				KID string `json:"kid"`
			}
			if err := json.Unmarshal(jwk, &id); err != nil {
				return nil, fmt.Errorf("reading the JWKS: %w", err)
			}
			published[id.KID] = jwk
		}
	}
	shown := make([]web.SigningKey, len(all))
	for i, key := range all {
		shown[i] = web.SigningKey{
			KID: key.KID, Algorithm: key.Algorithm, Generation: key.Generation, State: string(key.State), VerifyOnly: key.VerifyOnly,
			AnnouncedAt: key.AnnouncedAt, RemovedAt: key.RemovedAt, RevokedAt: key.RevokedAt, RevokedReason: key.RevokedReason,
			JWK: published[key.KID],
		}
		if !key.VerifyOnly { // it has no turn
			shown[i].ActiveAt, shown[i].RetiredAt = key.ActiveAt, key.RetiredAt
		}
	}
	return shown, nil
}
