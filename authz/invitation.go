package authz

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"signet/clients"
)

// Prefixes of the tokens of registration, which let secret scanners recognise
// what leaked.
const (
	invitationPrefix   = "sgi_"
	registrationPrefix = "sgm_"
)

// registrationTokenBytes is the randomness in a token of registration.
const registrationTokenBytes = 32

// Invitation is an initial access token (RFC 7591, section 1.2): who has it may
// register so many clients until it ends. The token itself is not kept.
type Invitation struct {
	// ID is what operators call it by; it is no secret.
	ID string
	// TokenHash is the SHA-256 of the token in lowercase hex.
	TokenHash string
	// Uses is how many clients it was made for, UsesLeft how many are left.
	Uses, UsesLeft int
	// Note says for an operator what it is for.
	Note string
	// CreatedAt is in UTC, and so is ExpiresAt, its end.
	CreatedAt, ExpiresAt time.Time
}

// Live reports whether the invitation can be used at now.
func (i *Invitation) Live(now time.Time) bool { return i.UsesLeft > 0 && now.Before(i.ExpiresAt) }

// InvitationStore keeps invitations.
type InvitationStore interface {
	// CreateInvitation inserts i.
	CreateInvitation(ctx context.Context, i Invitation) error
	// Invitations returns all that are kept, the newest first.
	Invitations(ctx context.Context) ([]Invitation, error)
	// InvitationByToken returns the invitation with this hash of its token,
	// whatever its state, or ErrNotFound.
	InvitationByToken(ctx context.Context, tokenHash string) (Invitation, error)
	// RevokeInvitation removes the invitation with this ID, or returns ErrNotFound.
	RevokeInvitation(ctx context.Context, id string) error
	// RegisterClient spends one use of the invitation with this hash and inserts
	// c, in one transaction: both happen or neither. It returns ErrConflict when
	// the invitation is gone, used up or has expired by now, and
	// clients.ErrExists.
	RegisterClient(ctx context.Context, c clients.Client, tokenHash string, now time.Time) error
}

// DynamicClients finds clients that registered themselves and are not used.
type DynamicClients interface {
	// CountUnusedClients returns how many clients that registered themselves
	// nobody ever signed in through: no use of them and no grant is known. It
	// counts no further than limit.
	CountUnusedClients(ctx context.Context, limit int) (int, error)
	// SweepUnusedClients removes up to limit clients that registered themselves
	// before a time, were not used since, and have no grant that was alive then
	// or later, with all that belongs to them, and returns their ids. Several
	// nodes may do so at once.
	SweepUnusedClients(ctx context.Context, before time.Time, limit int) ([]string, error)
	// EvictUnusedClients does so with up to limit of those that CountUnusedClients
	// counts, which registered before a time: the oldest first.
	EvictUnusedClients(ctx context.Context, before time.Time, limit int) ([]string, error)
}

// NewInvitation makes an invitation for so many clients, and its token, which is
// shown once: 256 random bits after "sgi_".
func NewInvitation(rand io.Reader, uses int, note string, now, expires time.Time) (i Invitation, token string, err error) {
	id, err := newID(rand)
	if err != nil {
		return Invitation{}, "", err
	}
	token, err = newRegistrationToken(rand, invitationPrefix)
	if err != nil {
		return Invitation{}, "", err
	}
	return Invitation{
		ID: id, TokenHash: hashRegistrationToken(token), Uses: uses, UsesLeft: uses, Note: note,
		CreatedAt: now.UTC(), ExpiresAt: expires.UTC(),
	}, token, nil
}

// newRegistrationToken makes a token of 256 random bits.
func newRegistrationToken(rand io.Reader, prefix string) (string, error) {
	b := make([]byte, registrationTokenBytes)
	if _, err := io.ReadFull(rand, b); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	return prefix + base64.RawURLEncoding.EncodeToString(b), nil
}

// isRegistrationToken reports whether token has the form of one with this
// prefix, so that nobody has to look for what cannot be there.
func isRegistrationToken(token, prefix string) bool {
	body, ok := strings.CutPrefix(token, prefix)
	if !ok || len(body) != base64.RawURLEncoding.EncodedLen(registrationTokenBytes) {
		return false
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(body)
	return err == nil
}

// hashRegistrationToken is how a token is stored: the token is random enough
// that nobody finds it by trying.
func hashRegistrationToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
