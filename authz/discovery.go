package authz

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"signet/clients"
	"signet/keys"
)

// metadata is the document of OpenID Connect Discovery, section 3, and of
// RFC 8414: one and the same. What is not served is not promised.
type metadata struct {
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorization_endpoint"`
	TokenEndpoint         string `json:"token_endpoint"`
	UserinfoEndpoint      string `json:"userinfo_endpoint"`
	IntrospectionEndpoint string `json:"introspection_endpoint"`
	RevocationEndpoint    string `json:"revocation_endpoint"`
	EndSessionEndpoint    string `json:"end_session_endpoint"`
	RegistrationEndpoint  string `json:"registration_endpoint,omitempty"`
	JWKSURI               string `json:"jwks_uri"`
	// StatusLists is of the Token Status List, section 9.1.
	StatusLists string `json:"status_list_aggregation_endpoint"`

	ScopesSupported        []string `json:"scopes_supported"`
	ResponseTypesSupported []string `json:"response_types_supported"`
	ResponseModesSupported []string `json:"response_modes_supported"`
	GrantTypesSupported    []string `json:"grant_types_supported"`
	SubjectTypesSupported  []string `json:"subject_types_supported"`
	IDTokenSigningAlgs     []string `json:"id_token_signing_alg_values_supported"`
	UserinfoSigningAlgs    []string `json:"userinfo_signing_alg_values_supported"`
	TokenAuthMethods       []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgs          []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionMethods   []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAuthAlgs  []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAlgs      []string `json:"introspection_signing_alg_values_supported"` // RFC 9701, section 7
	RevocationMethods      []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAuthAlgs     []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	CodeChallengeMethods   []string `json:"code_challenge_methods_supported"`
	ClaimsSupported        []string `json:"claims_supported"`
	ClaimTypesSupported    []string `json:"claim_types_supported"`
	PromptValuesSupported  []string `json:"prompt_values_supported"`
	ACRValuesSupported     []string `json:"acr_values_supported"`

	AuthorizationResponseIss bool `json:"authorization_response_iss_parameter_supported"`
	ClaimsParameter          bool `json:"claims_parameter_supported"`
	RequestParameter         bool `json:"request_parameter_supported"`
	RequestURIParameter      bool `json:"request_uri_parameter_supported"`
	// RequestURIRegistered says that a request_uri has to be registered, and
	// RequestObjectAlgs how request objects are signed.
	RequestURIRegistered bool     `json:"require_request_uri_registration"`
	RequestObjectAlgs    []string `json:"request_object_signing_alg_values_supported"`
	// The logout flags are of Back-Channel and Front-Channel Logout, section 2.1
	// and 3 of each.
	BackchannelLogout         bool `json:"backchannel_logout_supported"`
	BackchannelLogoutSession  bool `json:"backchannel_logout_session_supported"`
	FrontchannelLogout        bool `json:"frontchannel_logout_supported"`
	FrontchannelLogoutSession bool `json:"frontchannel_logout_session_supported"`
	// ClientDocuments is of Client ID Metadata Documents, section 6.
	ClientDocuments bool `json:"client_id_metadata_document_supported"`
}

func (p *Provider) marshalMetadata() ([]byte, error) {
	var scopes []string
	for _, s := range standardScopes {
		scopes = append(scopes, s.Name)
	}
	var own []string
	for s := range p.cfg.Scopes {
		if !slices.Contains(scopes, s) {
			own = append(own, s)
		}
	}
	slices.Sort(own)
	var confidential []string
	for _, m := range clientMethods {
		confidential = append(confidential, m.name)
	}
	all := append(slices.Clone(confidential), clients.AuthMethodNone)
	algs := keys.Algorithms()
	front, back := p.cfg.Logouts != nil, p.cfg.Logouts != nil && p.cfg.Fetch != nil
	return json.Marshal(metadata{
		Issuer:                p.cfg.Issuer,
		AuthorizationEndpoint: p.endpoint("/oauth2/authorize"),
		TokenEndpoint:         p.endpoint("/oauth2/token"),
		UserinfoEndpoint:      p.endpoint("/oauth2/userinfo"),
		IntrospectionEndpoint: p.endpoint("/oauth2/introspect"),
		RevocationEndpoint:    p.endpoint("/oauth2/revoke"),
		EndSessionEndpoint:    p.endpoint("/oauth2/logout"),
		RegistrationEndpoint:  p.registrationEndpoint(),
		JWKSURI:               p.endpoint("/.well-known/jwks.json"),
		StatusLists:           p.endpoint(statusPath),

		ScopesSupported:        append(scopes, own...),
		ResponseTypesSupported: []string{"code"},
		ResponseModesSupported: []string{modeQuery, modeFragment, modeFormPost},
		GrantTypesSupported:    []string{clients.GrantAuthorizationCode, clients.GrantRefreshToken, clients.GrantClientCredentials},
		SubjectTypesSupported:  []string{clients.SubjectPublic, clients.SubjectPairwise},
		IDTokenSigningAlgs:     p.cfg.SigningAlgs,
		UserinfoSigningAlgs:    p.cfg.SigningAlgs,
		TokenAuthMethods:       all,
		TokenAuthAlgs:          algs,
		IntrospectionMethods:   confidential,
		IntrospectionAuthAlgs:  algs,
		IntrospectionAlgs:      p.cfg.SigningAlgs,
		RevocationMethods:      all,
		RevocationAuthAlgs:     algs,
		CodeChallengeMethods:   []string{"S256"},
		ClaimsSupported:        supportedClaims,
		ClaimTypesSupported:    []string{"normal"},
		PromptValuesSupported:  []string{promptNone, promptLogin, promptConsent, promptSelectAccount},
		ACRValuesSupported:     p.cfg.StepUps.Levels(),

		AuthorizationResponseIss: true,
		ClaimsParameter:          true,
		RequestParameter:         true,
		// Without anything that fetches there is none to be had.
		RequestURIParameter:  p.cfg.Fetch != nil,
		RequestURIRegistered: true,
		RequestObjectAlgs:    algs,
		BackchannelLogout:    back, BackchannelLogoutSession: back,
		FrontchannelLogout: front, FrontchannelLogoutSession: front,
		ClientDocuments: p.cfg.Documents.Enabled,
	})
}

// metadataMaxAge is how long clients may keep the metadata: it changes only
// with the configuration, at a restart.
const metadataMaxAge = time.Hour

// Metadata serves the discovery document.
func (p *Provider) Metadata(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(metadataMaxAge.Seconds())))
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(p.metadata)
}

// JWKS serves the published keys (RFC 7517, section 5), from memory. It
// answers 503 rather than an empty set, which verifiers would cache.
func (p *Provider) JWKS(w http.ResponseWriter, r *http.Request) {
	set, err := p.cfg.Keys.JWKS()
	if err != nil {
		p.writeError(w, r, refuse(CodeTemporarilyUnavailable, "There are no keys to publish.").because(err))
		return
	}
	h := w.Header()
	h.Set("Cache-Control", set.CacheControl)
	h.Set("ETag", set.ETag)
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Content-Type", "application/jwk-set+json")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(set.Body)) // answers If-None-Match
}
