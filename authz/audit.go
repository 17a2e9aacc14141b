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

// Actor is who makes a change through an API, for the log.
type Actor struct {
	// ClientID is the client that calls, and Subject the person for whom; empty
	// when it calls for itself.
	ClientID, Subject string
	// RequestID is the id of the request.
	RequestID string
}

type actorKey struct{}

// WithActor notes who makes the changes of ctx, for every audit line of them.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// Audit writes down a change that somebody made through an API: what happened in
// words, the event in one, and what it was done to. Who did it and from where
// comes from ctx. attrs must hold no secret, and names of fields in place of
// their values.
func (p *Provider) Audit(ctx context.Context, what, event string, attrs ...slog.Attr) {
	p.note(ctx, slog.LevelInfo, what, append([]slog.Attr{slog.String("event", event)}, attrs...))
}

// audit writes down that a grant was revoked: which, whose, and from where.
func (p *Provider) audit(ctx context.Context, level slog.Level, event string, g *Grant, reason string) {
	p.note(ctx, level, "grant revoked", []slog.Attr{
		slog.String("event", event), slog.String("reason", reason),
		slog.String("grant_id", g.ID), slog.String("client_id", g.ClientID), slog.String("sub", g.Subject),
	})
}

// note writes one audit line, with who and from where.
func (p *Provider) note(ctx context.Context, level slog.Level, what string, attrs []slog.Attr) {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		attrs = append(attrs, slog.String("actor_client_id", a.ClientID))
		if a.Subject != "" {
			attrs = append(attrs, slog.String("actor_sub", a.Subject))
		}
		attrs = append(attrs, slog.String("request_id", a.RequestID))
	}
	if remote, ok := ctx.Value(remoteKey{}).(string); ok {
		attrs = append(attrs, slog.String("remote", remote))
	}
	p.cfg.Logger.LogAttrs(ctx, level, "audit: "+what, attrs...)
}
