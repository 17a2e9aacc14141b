package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	"signet/keys/verify"
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
// by the issuer's published keys and status list, which it fetches when they
// have had their time: no request of a client leads to one of ours.
type api struct{ cfg apiConfig }

// newAPI makes the API, which works until ctx ends.
func newAPI(ctx context.Context, cfg apiConfig) (http.Handler, error) {
	verifier, err := verify.New(verify.Config{Issuer: cfg.Issuer, Audience: cfg.URL, Realm: "photos", Logger: cfg.Logger})
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, verifier.Close)
	if err := verifier.Ready(ctx); err != nil {
		return nil, fmt.Errorf("the API cannot read the issuer's keys: %w", err)
	}
	a := &api{cfg: cfg}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.describe)
	mux.Handle("GET /photos", verifier.Handler(http.HandlerFunc(a.photos), verify.Scopes(scopePhotos)))
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
	token, ok := verify.FromContext(r.Context())
	if !ok {
		http.Error(w, "this handler stands behind no verifier", http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"owner":  token.Subject,
		"app":    token.ClientID,
		"photos": []string{"Analytical Engine, plan 25", "Note G, first page", "St James's Square in the rain"},
	})
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
