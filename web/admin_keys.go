package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ErrNoSuchKey says that no signing key has the id that was given.
var ErrNoSuchKey = errors.New("there is no key of this id")

// SigningKey is a signing key as the admin API shows it.
type SigningKey struct {
	KID         string    `json:"kid"`
	Algorithm   string    `json:"alg"`
	Generation  int       `json:"generation" doc:"1 for the first key of its algorithm."`
	State       string    `json:"state" doc:"announced, active, retired, removed, revoked or verify-only."`
	VerifyOnly  bool      `json:"verify_only" doc:"It comes from another issuer and never signs."`
	AnnouncedAt time.Time `json:"announced_at"`
	ActiveAt    time.Time `json:"active_at,omitzero" doc:"From when on it signs."`
	RetiredAt   time.Time `json:"retired_at,omitzero" doc:"Until when it signs."`
	RemovedAt   time.Time `json:"removed_at" doc:"Until when it is published."`
	RevokedAt   time.Time `json:"revoked_at,omitzero"`
	// RevokedReason is the operator's.
	RevokedReason string `json:"revoked_reason,omitempty"`
	// JWK is the public key.
	JWK json.RawMessage `json:"jwk,omitempty" doc:"The public key (RFC 7517); not there once it is published no more."`
}

// RevokedKey is what came of revoking a key.
type RevokedKey struct {
	SigningKey
	Successor   *SigningKey `json:"successor,omitempty" doc:"The key that signs in its place, if it signed."`
	TokensSince time.Time   `json:"tokens_since,omitzero" doc:"Every token that it signed since then is void; not there if there can be none."`
	GoneBy      time.Time   `json:"gone_by" doc:"By then the last verifier has heard of it."`
}

// KeyKeeper looks after the signing keys.
type KeyKeeper interface {
	// Keys returns all keys, those that are gone too.
	Keys() ([]SigningKey, error)
	// Rotate makes the next key of an algorithm now, or of all in use when it is
	// empty; with now it signs at once. changed is false when it had been
	// announced before. A *clients.FieldError refuses the algorithm.
	Rotate(ctx context.Context, alg string, now bool) (next []SigningKey, changed bool, err error)
	// Revoke takes a key out. changed is false when it had been taken out before.
	// It returns ErrNoSuchKey.
	Revoke(ctx context.Context, kid, reason string) (done RevokedKey, changed bool, err error)
}

type keyList struct {
	Items []SigningKey `json:"items"`
}

func (a *admin) listKeys(in *call) error {
	all, err := a.Keys.Keys()
	if err != nil {
		return err
	}
	return in.JSON(http.StatusOK, keyList{append([]SigningKey{}, all...)})
}

func (a *admin) rotateKeys(in *call) error {
	alg, now := "", false
	if given := in.doc.text("alg"); given != nil {
		alg = *given
	}
	_ = json.Unmarshal(in.doc["now"], &now) // a boolean, or not there
	next, changed, err := a.Keys.Rotate(in.ctx(), alg, now)
	if err != nil {
		return err
	}
	if changed {
		var kids []string
		for _, k := range next {
			kids = append(kids, k.KID)
		}
		slices.Sort(kids)
		a.audit(in, "signing key rotated", "key_rotated", strings.Join(kids, " "))
	}
	return in.JSON(http.StatusOK, keyList{append([]SigningKey{}, next...)})
}

func (a *admin) revokeKey(in *call) error {
	kid, err := in.id()
	if err != nil {
		return err
	}
	reason := ""
	if given := in.doc.text("reason"); given != nil {
		reason = strings.TrimSpace(*given)
	}
	if reason == "" || len(reason) > 500 {
		return invalidFields([]fieldFault{{"reason", "must say why, in 500 characters at most"}})
	}
	done, changed, err := a.Keys.Revoke(in.ctx(), kid, reason)
	if err != nil {
		return err
	}
	if changed {
		a.audit(in, "signing key revoked", "key_revoked", kid, slog.String("reason", reason))
	}
	return in.JSON(http.StatusOK, done)
}
