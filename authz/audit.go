package authz

import (
	"context"
	"log/slog"
)

// What the log says of the end of a grant, under the name "event".
const (
	// eventGrantRevoked: the client or an operator asked for it.
	eventGrantRevoked = "grant_revoked"
	// eventCodeReused and eventRefreshTokenReused: somebody may have a copy
	// (RFC 6749, section 4.1.2; RFC 9700, section 4.14.2).
	eventCodeReused         = "authorization_code_reused"
	eventRefreshTokenReused = "refresh_token_reused"
	// eventVerifierWrong: whoever sent the code did not begin the request.
	eventVerifierWrong = "code_verifier_wrong"
)

type remoteKey struct{}

// WithRemote notes the address that the request of ctx came from, for the log.
// Whoever serves HTTP knows which proxies to believe; nothing here reads a
// header for it.
func WithRemote(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, remoteKey{}, address)
}

// remoteOf is the address that WithRemote noted, empty when it did not.
func remoteOf(ctx context.Context) string {
	remote, _ := ctx.Value(remoteKey{}).(string)
	return remote
}

// audit writes down that a grant was revoked: which, whose, and from where.
func (p *Provider) audit(ctx context.Context, level slog.Level, event string, g *Grant, reason string) {
	attrs := []slog.Attr{
		slog.String("event", event), slog.String("reason", reason),
		slog.String("grant_id", g.ID), slog.String("client_id", g.ClientID), slog.String("sub", g.Subject),
	}
	if remote, ok := ctx.Value(remoteKey{}).(string); ok {
		attrs = append(attrs, slog.String("remote", remote))
	}
	p.cfg.Logger.LogAttrs(ctx, level, "audit: grant revoked", attrs...)
}
