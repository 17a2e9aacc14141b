package authz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"signet/authz/fetch"
	"signet/clients"
)

// What the log says of logout tokens, under the name "event".
const (
	eventLogoutDelivered = "logout_delivered"
	eventLogoutRetry     = "logout_retry"
	eventLogoutFailed    = "logout_failed"
)

// logoutEvent is the member of `events` that makes a JWT a logout token (OpenID
// Connect Back-Channel Logout 1.0, section 2.4).
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutTokenTTL is how long a logout token is good for: it is signed when it is
// sent, and two minutes are what the specification recommends at most.
const logoutTokenTTL = 2 * time.Minute

// maxLogoutAnswer bounds what an app may answer, in bytes. Nobody reads it.
const maxLogoutAnswer = 64 << 10

var (
	// errNoLogout says that an app is not to be told any more.
	errNoLogout = errors.New("no logout token is sent")
	// errLogoutLater says that it is not the app's fault.
	errLogoutLater = errors.New("there was no room for the request")
)

// logoutClaims are the claims of a logout token (section 2.4). It has no nonce,
// which keeps it from passing as an ID token.
type logoutClaims struct {
	Issuer    string              `json:"iss"`
	Subject   string              `json:"sub"`
	Audience  string              `json:"aud"`
	IssuedAt  int64               `json:"iat"`
	Expires   int64               `json:"exp"`
	ID        string              `json:"jti"`
	SessionID string              `json:"sid"`
	Events    map[string]struct{} `json:"events"`
}

// logoutToken signs the token of a delivery, with the algorithm of the app's ID
// tokens.
func (p *Provider) logoutToken(d *LogoutDelivery, c *clients.Client) (string, error) {
	id, err := newID(p.cfg.Rand)
	if err != nil {
		return "", err
	}
	now := p.now()
	payload, err := json.Marshal(logoutClaims{
		Issuer: p.cfg.Issuer, Subject: d.Sub, Audience: c.ID, SessionID: d.SID, ID: id,
		IssuedAt: now.Unix(), Expires: now.Add(logoutTokenTTL).Unix(), Events: map[string]struct{}{logoutEvent: {}},
	})
	if err != nil {
		return "", fmt.Errorf("marshal claims: %w", err)
	}
	alg, err := p.cfg.Keys.SigningAlg(c.IDTokenSignedResponseAlg)
	if err != nil {
		return "", fmt.Errorf("logout token: %w", err)
	}
	return p.cfg.Keys.Sign(alg, typeLogoutToken, payload)
}

// sendLogoutToken posts a logout token to the app as it is registered now
// (section 2.5), and returns the status of the answer, 0 without one. Any 2xx
// will do: frameworks turn an empty 200 into 204 (section 2.8).
func (p *Provider) sendLogoutToken(ctx context.Context, d *LogoutDelivery) (status int, err error) {
	c, err := p.cfg.Clients.Client(ctx, d.ClientID)
	switch {
	case errors.Is(err, clients.ErrNotFound):
		return 0, fmt.Errorf("%w: the client is gone", errNoLogout)
	case err != nil:
		return 0, err
	case c.Disabled:
		return 0, fmt.Errorf("%w: the client is disabled", errNoLogout)
	case c.BackchannelLogoutURI == "":
		return 0, fmt.Errorf("%w: the client has no backchannel_logout_uri any more", errNoLogout)
	}
	token, err := p.logoutToken(d, &c)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, logoutTimeout)
	defer cancel()
	answer, err := p.cfg.Fetch.Do(ctx, fetch.Request{
		URL: c.BackchannelLogoutURI, Method: http.MethodPost, MaxBytes: maxLogoutAnswer,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		Body:   []byte(url.Values{"logout_token": {token}}.Encode()),
	})
	switch {
	case errors.Is(err, fetch.ErrBusy):
		return 0, errLogoutLater
	case err != nil:
		return 0, err
	case answer.Status < 200 || answer.Status > 299:
		return answer.Status, fmt.Errorf("the app answered %d", answer.Status)
	}
	return answer.Status, nil
}

// auditLogout writes down what became of an attempt.
func (p *Provider) auditLogout(ctx context.Context, d *LogoutDelivery) {
	level, what, event := slog.LevelInfo, "logout token delivered", eventLogoutDelivered
	attrs := []slog.Attr{slog.String("client_id", d.ClientID), slog.String("sub", d.Subject), slog.String("sid", d.SID), slog.Int("attempts", d.Attempts)}
	switch {
	case !d.DeliveredAt.IsZero():
	case d.Error == "" || ctx.Err() != nil:
		return // not an attempt
	case d.NextAt.IsZero():
		level, what, event = slog.LevelWarn, "logout token given up", eventLogoutFailed
		attrs = append(attrs, slog.String("reason", d.Error))
	default:
		level, what, event = slog.LevelWarn, "logout token not delivered yet", eventLogoutRetry
		attrs = append(attrs, slog.String("reason", d.Error), slog.Time("next_at", d.NextAt))
	}
	p.note(ctx, level, what, append([]slog.Attr{slog.String("event", event)}, attrs...))
}
