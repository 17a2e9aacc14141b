package demo

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// scopePhotos is the scope that the API asks for.
const scopePhotos = "photos.read"

type apiConfig struct {
	// Issuer is whose tokens count.
	Issuer string
	// URL is the API's own, and the audience that its tokens must name.
	URL    string
	Logger *slog.Logger
}

// api is a resource server (RFC 6749, section 1.1). It verifies access tokens
// by the issuer's published keys, which it fetches once and again when a token
// names a key it has not seen: no request of a client leads to one of ours.
type api struct {
	cfg      apiConfig
	verifier *oidc.IDTokenVerifier
}

func newAPI(ctx context.Context, cfg apiConfig) (http.Handler, error) {
	ctx = oidc.ClientContext(ctx, &http.Client{Timeout: 10 * time.Second})
	provider, err := oidc.NewProvider(ctx, cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("the API cannot read the issuer's metadata: %w", err)
	}
	a := &api{cfg: cfg, verifier: provider.VerifierContext(ctx, &oidc.Config{
		ClientID: cfg.URL, // go-oidc's name for the expected audience
		// All that Signet can sign with: which of them it is, the client's
		// registration says. Never what the token itself may name (RFC 8725,
		// section 3.1).
		SupportedSigningAlgs: []string{oidc.RS256, oidc.PS256, oidc.ES256, oidc.EdDSA},
	})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.describe)
	mux.HandleFunc("GET /photos", a.photos)
	return mux, nil
}

// describe says what this is, to anyone.
func (a *api) describe(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"name": "Demo photos", "photos": a.cfg.URL + "/photos",
		"issuer": a.cfg.Issuer, "audience": a.cfg.URL, "scope": scopePhotos,
	})
}

// photos is for whoever has a token with the scope photos.read.
func (a *api) photos(w http.ResponseWriter, r *http.Request) {
	token, refused := a.authorize(r, scopePhotos)
	if refused != nil {
		a.refuse(w, r, refused)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"owner":  token.Subject,
		"app":    token.ClientID,
		"photos": []string{"Analytical Engine, plan 25", "Note G, first page", "St James's Square in the rain"},
	})
}

// accessToken holds the claims that the API reads (RFC 9068, section 2.2).
type accessToken struct {
	Subject  string `json:"sub"`
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
}

// refusal answers a request by the rules of RFC 6750, section 3.1.
type refusal struct {
	status      int
	code        string // empty when the request brought no token
	description string
	scope       string
	cause       error
}

func invalidToken(description string, cause error) *refusal {
	return &refusal{status: http.StatusUnauthorized, code: "invalid_token", description: description, cause: cause}
}

// authorize returns the access token of a request that may do what scope
// stands for (RFC 9068, section 4): a signature by a published key, the right
// issuer and audience, not expired, an access token, the scope.
func (a *api) authorize(r *http.Request, scope string) (*accessToken, *refusal) {
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return nil, &refusal{status: http.StatusUnauthorized, description: "an access token is needed"}
	}
	// The signature covers the type too. Without this check, an ID token for
	// an app of the same name would pass as an access token.
	if !isAccessToken(raw) {
		return nil, invalidToken("this is not an access token", nil)
	}
	verified, err := a.verifier.Verify(r.Context(), raw)
	if expired := (*oidc.TokenExpiredError)(nil); errors.As(err, &expired) {
		return nil, invalidToken("the access token has expired", err)
	}
	if err != nil {
		return nil, invalidToken("the access token is not valid here", err)
	}
	var token accessToken
	if err := verified.Claims(&token); err != nil {
		return nil, invalidToken("the access token is not valid here", err)
	}
	if !slices.Contains(strings.Fields(token.Scope), scope) {
		return nil, &refusal{
			status: http.StatusForbidden, code: "insufficient_scope", scope: scope,
			description: "the access token does not have the scope " + scope,
		}
	}
	return &token, nil
}

// isAccessToken reports whether the header of a JWT says `typ: at+jwt`
// (RFC 9068, section 2.1), with or without "application/".
func isAccessToken(raw string) bool {
	encoded, _, _ := strings.Cut(raw, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return false
	}
	var header struct {
		Type string `json:"typ"`
	}
	if json.Unmarshal(decoded, &header) != nil {
		return false
	}
	return strings.TrimPrefix(strings.ToLower(header.Type), "application/") == "at+jwt"
}

// refuse tells the client why, and the log the cause. A request without a
// token is told how to authenticate and no error (RFC 6750, section 3.1).
func (a *api) refuse(w http.ResponseWriter, r *http.Request, why *refusal) {
	a.cfg.Logger.InfoContext(r.Context(), "request refused", "status", why.status, "reason", why.description, "err", why.cause)
	challenge := `Bearer realm="photos"`
	body := map[string]any{"error_description": why.description}
	if why.code != "" {
		challenge += fmt.Sprintf(`, error=%q, error_description=%q`, why.code, why.description)
		body["error"] = why.code
	}
	if why.scope != "" {
		challenge += fmt.Sprintf(`, scope=%q`, why.scope)
	}
	w.Header().Set("WWW-Authenticate", challenge)
	writeJSON(w, why.status, body)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(body)
}
