package authz

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"hash"
	"html/template"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/handler/pkce"

	"signet/authz/login"
	"signet/keys"
)

// Keyring signs and verifies JWTs and publishes the keys. keys.Ring is one.
type Keyring interface {
	// SigningAlg returns the algorithm that a token will be signed with:
	// preferred itself, or the default when that is empty. keys.ErrNoSigner
	// says that no key of it may sign now.
	SigningAlg(preferred string) (string, error)
	// SigningKID returns the kid of the key that Sign would sign with by alg.
	SigningKID(alg string) (string, error)
	// Sign returns the compact JWS of payload by alg, which SigningAlg gave,
	// with this `typ`.
	Sign(alg, typ string, payload []byte) (string, error)
	// Verify checks the signature of a compact JWS by the published keys.
	Verify(token string) (keys.Verified, error)
	// JWKS returns the published keys.
	JWKS() (keys.JWKS, error)
}

var _ Keyring = (*keys.Ring)(nil)

// PersonStore finds the subject of a grant.
type PersonStore interface {
	// Person returns the person with this ID, or login.ErrNotFound.
	Person(ctx context.Context, id string) (login.Person, error)
}

// Config is everything a Provider needs. Only Now, Rand and Logger have
// defaults; the lifetimes come from config.yaml.
type Config struct {
	// Issuer is the issuer identifier (RFC 8414, section 2): no trailing slash.
	Issuer string
	// Grants, GrantFinder, Tokens, Status, Assertions, Consents, Clients and
	// People are the database.
	Grants      GrantStore
	GrantFinder GrantFinder
	Tokens      TokenStore
	Status      StatusStore
	Assertions  AssertionStore
	Consents    ConsentStore
	Clients     ClientStore
	People      PersonStore
	// Logouts keeps what the end of a session has to reach; nil is nothing but the
	// session itself.
	Logouts LogoutStore
	// Uses is told which client was used; nil is nobody.
	Uses UseRecorder
	// StepUps knows what more than a password people can be asked for; nil is
	// nothing.
	StepUps StepUps
	// Origins knows which websites have a client; nil allows none.
	Origins OriginStore
	// Keys signs, and SigningAlgs are the algorithms that it was set up to
	// sign with, as the metadata lists them.
	Keys        Keyring
	SigningAlgs []string
	// Fetch gets documents that clients name, such as their keys (jwks_uri).
	// Without it, none is to be had.
	Fetch Fetcher
	// Secret is the server secret, at least 32 bytes.
	Secret []byte
	// AccessTokenTTL, IDTokenTTL and CodeTTL are lifetimes from issue.
	AccessTokenTTL, IDTokenTTL, CodeTTL time.Duration
	// StatusTTL is how long resource servers may go by a copy of a status
	// list. It is half of AccessTokenTTL at most, whatever is set.
	StatusTTL time.Duration
	// The rules for refresh tokens hold for clients that have none of their own.
	// RefreshIdleTTL ends a grant that is not refreshed; RefreshAbsoluteTTL
	// ends it whatever happens.
	RefreshIdleTTL, RefreshAbsoluteTTL time.Duration
	// RefreshGrace is how long the refresh token just before the current one
	// still yields the same successor.
	RefreshGrace time.Duration
	// Scopes maps the operator's own scopes to what the consent page says.
	Scopes map[string]string
	// Registration says who may register clients (RFC 7591).
	Registration Registration
	// Documents says what is done about clients whose client_id is the URL of
	// their metadata, which needs Fetch.
	Documents ClientDocuments
	// Forward are the sites that a proxy guards, for which Sessions finds who is
	// signed in.
	Forward  []ForwardSite
	Sessions SessionFinder
	// Now, Rand and Logger default to the real ones.
	Now    func() time.Time
	Rand   io.Reader
	Logger *slog.Logger
}

// Provider is the authorization server's protocol core. It is safe for
// concurrent use.
type Provider struct {
	cfg         Config
	credentials *credentials
	fosite      *fosite.Fosite
	metadata    []byte
	// statusIndexes hands out indexes, statusLists publishes what became of them.
	statusIndexes *statusIndexes
	statusLists   *statusLists
	registrations *registrations
	logouts       *logoutQueue
	// jwks are the keys of clients that publish them at a jwks_uri.
	jwks *jwksCache
	// requestObjects are what was fetched from request_uris lately.
	requestObjects *requestObjects
	// documents is cfg.Clients, once New is done, under its own name.
	documents *documentClients
	// origins and logos are what was asked for lately.
	origins originCache
	logos   logoCache
	forward *forwardSites
}

// New wires a Provider. It fails on a configuration that cannot work.
func New(cfg Config) (*Provider, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.StepUps == nil {
		cfg.StepUps = oneFactor{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if u, err := url.Parse(cfg.Issuer); err != nil || u.Host == "" || strings.HasSuffix(cfg.Issuer, "/") {
		return nil, errors.New("the issuer must be an absolute URL without a trailing slash")
	}
	for _, ttl := range []time.Duration{cfg.AccessTokenTTL, cfg.IDTokenTTL, cfg.CodeTTL, cfg.RefreshIdleTTL, cfg.RefreshAbsoluteTTL, cfg.StatusTTL} {
		if ttl < time.Second {
			return nil, errors.New("every lifetime must be at least a second")
		}
	}
	if len(cfg.SigningAlgs) == 0 {
		return nil, errors.New("at least one signing algorithm must be named")
	}
	creds, err := newCredentials(cfg.Secret)
	if err != nil {
		return nil, err
	}
	if cfg.Documents.Enabled && (cfg.Fetch == nil || cfg.Documents.Store == nil) {
		return nil, errors.New("client metadata documents need something that fetches them, and a store")
	}
	p := &Provider{cfg: cfg, credentials: creds}
	p.jwks = newJWKSCache(p)
	p.requestObjects = newRequestObjects(p)
	p.logouts = newLogoutQueue(p)
	p.documents = newDocumentClients(p)
	p.cfg.Clients = p.documents
	if p.statusIndexes, err = newStatusIndexes(p); err != nil {
		return nil, err
	}
	p.statusLists = newStatusLists(p)
	if p.registrations, err = newRegistrations(p); err != nil {
		return nil, err
	}
	if p.forward, err = newForwardSites(p); err != nil {
		return nil, err
	}
	p.fosite = p.newFosite()
	if p.metadata, err = p.marshalMetadata(); err != nil {
		return nil, err
	}
	return p, nil
}

// newFosite builds fosite with the handlers of the grants we serve, on our
// storage and our token strategies. Every strategy is set here: the getters
// of fosite.Config fill in missing ones at the first request, a data race.
func (p *Provider) newFosite() *fosite.Fosite {
	config := &fosite.Config{
		AccessTokenIssuer:              p.cfg.Issuer,
		IDTokenIssuer:                  p.cfg.Issuer,
		AccessTokenLifespan:            p.cfg.AccessTokenTTL,
		IDTokenLifespan:                p.cfg.IDTokenTTL,
		AuthorizeCodeLifespan:          p.cfg.CodeTTL,
		RefreshTokenLifespan:           p.cfg.RefreshIdleTTL,
		RefreshTokenScopes:             []string{scopeOfflineAccess},
		ScopeStrategy:                  fosite.ExactScopeStrategy,
		AudienceMatchingStrategy:       fosite.ExactAudienceMatchingStrategy,
		AllowedPromptValues:            []string{promptNone, promptLogin, promptConsent, promptSelectAccount},
		ClientAuthenticationStrategy:   p.authenticateForFosite,
		ClientSecretsHasher:            unusedHasher{},
		HMACHasher:                     func() hash.Hash { return sha256.New() },
		RedirectSecureChecker:          func(context.Context, *url.URL) bool { return true }, // clients.Client.MatchRedirectURI has decided
		FormPostHTMLTemplate:           template.Must(template.New("").Parse("")),            // web writes responses
		MinParameterEntropy:            1,                                                    // any state and nonce the RFCs allow
		TokenEntropy:                   32,
		OmitRedirectScopeParam:         true,
		SanitationWhiteList:            []string{"redirect_uri"},
		TokenURL:                       p.cfg.Issuer + "/oauth2/token",
		EnablePKCEPlainChallengeMethod: false,
		// Who must send a challenge is a client's policy, checked in
		// parseAuthorization. The handler below still enforces one that was sent.
		EnforcePKCE: false,
	}
	st := &storage{p: p}
	sg := &signer{p: p}
	code := &oauth2.AuthorizeExplicitGrantHandler{
		AccessTokenStrategy: sg, RefreshTokenStrategy: sg, AuthorizeCodeStrategy: sg,
		CoreStorage: st, TokenRevocationStorage: st, Config: config,
	}
	proof := &pkce.Handler{AuthorizeCodeStrategy: sg, Storage: st, Config: config}
	idToken := &openid.IDTokenHandleHelper{IDTokenStrategy: sg}
	config.AuthorizeEndpointHandlers = fosite.AuthorizeEndpointHandlers{code, proof}
	config.TokenEndpointHandlers = fosite.TokenEndpointHandlers{
		code,
		&oauth2.RefreshTokenGrantHandler{
			AccessTokenStrategy: sg, RefreshTokenStrategy: sg, TokenRevocationStorage: st, Config: config,
		},
		&oauth2.ClientCredentialsGrantHandler{
			HandleHelper: &oauth2.HandleHelper{AccessTokenStrategy: sg, AccessTokenStorage: st, Config: config},
			Config:       config,
		},
		&openid.OpenIDConnectExplicitHandler{IDTokenHandleHelper: idToken, OpenIDConnectRequestStorage: st, Config: config},
		&openid.OpenIDConnectRefreshHandler{IDTokenHandleHelper: idToken, Config: config},
		proof,
	}
	return &fosite.Fosite{Store: st, Config: config}
}

// unusedHasher stands where fosite would build a bcrypt hasher: secrets are
// checked in authenticateClient and never reach it.
type unusedHasher struct{}

func (unusedHasher) Compare(context.Context, []byte, []byte) error {
	return errors.New("client secrets are not checked here")
}

func (unusedHasher) Hash(context.Context, []byte) ([]byte, error) {
	return nil, errors.New("client secrets are not hashed here")
}

// endpoint returns the absolute URL of a path below the issuer.
func (p *Provider) endpoint(path string) string { return p.cfg.Issuer + path }

// now is the time in UTC at the precision that stores keep.
func (p *Provider) now() time.Time { return p.cfg.Now().UTC().Truncate(time.Microsecond) }
