package authz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"signet/clients"
)

// Who may register clients.
const (
	// RegistrationOff is nobody, and the default.
	RegistrationOff = "off"
	// RegistrationInvite is whoever has an invitation (RFC 7591, section 1.2).
	RegistrationInvite = "invite"
	// RegistrationOpen is everyone.
	RegistrationOpen = "open"
)

// Error codes of RFC 7591, section 3.2.2.
const (
	CodeInvalidRedirectURI          = "invalid_redirect_uri"
	CodeInvalidClientMetadata       = "invalid_client_metadata"
	CodeInvalidSoftwareStatement    = "invalid_software_statement"
	CodeUnapprovedSoftwareStatement = "unapproved_software_statement"
)

const registerPath = "/oauth2/register"

// Registration says who may register clients, and what those clients may do.
type Registration struct {
	// Mode is one of the Registration constants; empty is RegistrationOff.
	Mode string
	// Store keeps the clients and the invitations. It is needed also when Mode is
	// off: clients that registered before still manage themselves.
	Store RegistrationStore
	// Scopes are what clients that introduce themselves may ask for, and
	// Audiences the resources that they get tokens for; none is the issuer.
	Scopes, Audiences []string
	// AllowLocalhost lets their redirect URIs name http://localhost.
	AllowLocalhost bool
	// PerAddress is how many registrations are taken from one address in a minute
	// and at once, PerMinute from all together. Changes count by themselves.
	PerAddress, PerMinute int
	// MaxUnused is how many may stand that nobody signed in through.
	MaxUnused int
	// Statements are the issuers of software statements that are believed.
	Statements []TrustedStatement
}

// RegistrationStore keeps clients that register themselves, and invitations.
type RegistrationStore interface {
	clients.Store
	InvitationStore
	DynamicClients
}

// registrations is the state of the registration endpoint.
type registrations struct {
	perAddress, total, changes *limiter
	unused                     *unusedCount
	statements                 *statements
}

func newRegistrations(p *Provider) (*registrations, error) {
	c := p.cfg.Registration
	switch {
	case !slices.Contains([]string{"", RegistrationOff, RegistrationInvite, RegistrationOpen}, c.Mode):
		return nil, fmt.Errorf("the mode of registration %q is not known", c.Mode)
	case c.Store == nil && c.Mode != "" && c.Mode != RegistrationOff:
		return nil, errors.New("registration needs a store")
	case c.Store != nil && (c.PerAddress < 1 || c.PerMinute < 1 || c.MaxUnused < 1):
		return nil, errors.New("registration needs limits of at least 1")
	}
	return &registrations{
		perAddress: newLimiter(c.PerAddress), total: newLimiter(c.PerMinute), changes: newLimiter(c.PerAddress),
		unused:     &unusedCount{store: c.Store, most: c.MaxUnused, log: p.cfg.Logger},
		statements: newStatements(c.Statements, p.cfg.Fetch, p.cfg.Now),
	}, nil
}

// registrationEndpoint is where clients register, empty when nobody may.
func (p *Provider) registrationEndpoint() string {
	if m := p.cfg.Registration.Mode; m == "" || m == RegistrationOff {
		return ""
	}
	return p.endpoint(registerPath)
}

// Register is the client registration endpoint (RFC 7591, section 3).
func (p *Provider) Register(w http.ResponseWriter, r *http.Request) {
	answer, err := p.register(r)
	if err != nil {
		p.writeErrorOf(w, r, registerPath, err)
		return
	}
	writeJSONStatus(w, http.StatusCreated, answer)
}

// register refuses what costs nothing to refuse first: a flood is turned away
// before anything is parsed or the database is asked.
func (p *Provider) register(r *http.Request) (clients.Metadata, error) {
	ctx, now := r.Context(), p.now()
	if p.registrationEndpoint() == "" {
		e := refuse(CodeAccessDenied, "This server does not take registrations: its operator registers clients (registration.mode is off).")
		return nil, p.bearer(e)
	}
	if wait, ok := p.registrations.perAddress.take(addressKey(remoteOf(ctx)), now); !ok {
		return nil, tooMany(wait, "Too many registrations came from this address. Try again in %s.")
	}
	invitation, err := p.invited(r, now)
	if err != nil {
		return nil, err
	}
	if wait, ok := p.registrations.total.take("", now); !ok {
		return nil, tooMany(wait, "Too many registrations come in at the moment. Try again in %s.")
	}
	doc, err := readJSON(r)
	if err != nil {
		return nil, err
	}
	done, err := p.registrations.unused.reserve(ctx, now)
	if err != nil {
		return nil, err
	}
	answer, err := p.createRegistered(ctx, doc, invitation)
	done(err == nil)
	return answer, err
}

// tooMany is 429 with when to come again (RFC 6585, section 4).
func tooMany(wait time.Duration, format string) *Error {
	wait = wait.Round(time.Second) + time.Second
	e := refuse(CodeTemporarilyUnavailable, format, wait)
	e.Status, e.wait = http.StatusTooManyRequests, wait
	return e
}

// invited finds the invitation that a registration comes with: none where
// everybody may register.
func (p *Provider) invited(r *http.Request, now time.Time) (*Invitation, error) {
	if p.cfg.Registration.Mode == RegistrationOpen {
		return nil, nil
	}
	token, err := p.registrationBearer(r)
	if err != nil {
		return nil, err
	}
	bad := p.bearer(refuse(CodeInvalidToken, "The invitation (initial access token) is not valid, was used up or has expired."))
	if !isRegistrationToken(token, invitationPrefix) {
		return nil, bad
	}
	i, err := p.cfg.Registration.Store.InvitationByToken(r.Context(), hashRegistrationToken(token))
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, bad
	case err != nil:
		return nil, err
	case !i.Live(now):
		return nil, bad
	}
	return &i, nil
}

// registrationBearer is the token of the Authorization header. It comes in no
// other way.
func (p *Provider) registrationBearer(r *http.Request) (string, error) {
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		return "", p.bearer(errNoRegistrationToken)
	}
	scheme, token, ok := strings.Cut(header[0], " ")
	if len(header) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", p.bearer(refuse(CodeInvalidToken, "The Authorization header must be one Bearer token."))
	}
	return strings.TrimSpace(token), nil
}

// errNoRegistrationToken is errNoToken in words that fit here.
var errNoRegistrationToken = &Error{
	Code: CodeInvalidToken, Description: "A token is needed here: an invitation to register, a registration access token to manage a client.",
	Status: http.StatusUnauthorized, cause: errNoToken,
}

// readJSON reads the body of a registration. That it is not too large, web has
// seen to.
func readJSON(r *http.Request) ([]byte, error) {
	if mt, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mt != typeJSON {
		return nil, refuse(CodeInvalidClientMetadata, "The body must be application/json.").compared(typeJSON, clip(mt))
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, refuse(CodeInvalidClientMetadata, "The body could not be read.").because(err)
	}
	return body, nil
}

// createRegistered makes a client of what it says about itself.
func (p *Provider) createRegistered(ctx context.Context, doc []byte, invitation *Invitation) (clients.Metadata, error) {
	base := clients.Client{Source: clients.SourceDynamic, Audiences: p.cfg.Registration.Audiences}
	c, intro, err := p.introduce(ctx, doc, base)
	if err != nil {
		return nil, err
	}
	token, err := newRegistrationToken(p.cfg.Rand, registrationPrefix)
	if err != nil {
		return nil, err
	}
	c.RegistrationTokenHash = hashRegistrationToken(token)
	made, err := p.registry(invitation).Create(ctx, c, nil)
	if errors.Is(err, ErrConflict) {
		return nil, p.bearer(refuse(CodeInvalidToken, "The invitation (initial access token) is not valid, was used up or has expired.").because(err))
	}
	if err != nil {
		return nil, metadataError(err)
	}
	p.auditRegistration(ctx, eventClientRegistered, "audit: client registered", &made.Client, invitation)
	return p.registeredInformation(&made, token, intro.statement), nil
}

// spending is a client store that spends an invitation with each client.
type spending struct {
	RegistrationStore
	tokenHash string
	now       func() time.Time
}

// CreateClient implements clients.Store.
func (s spending) CreateClient(ctx context.Context, c clients.Client) error {
	return s.RegisterClient(ctx, c, s.tokenHash, s.now())
}

// registry is the registry of clients, which spends the invitation unless it is
// nil.
func (p *Provider) registry(invitation *Invitation) *clients.Registry {
	var store clients.Store = p.cfg.Registration.Store
	if invitation != nil {
		store = spending{p.cfg.Registration.Store, invitation.TokenHash, p.now}
	}
	return clients.NewRegistry(clients.RegistryConfig{Store: store, Check: p.checkRegistered, Now: p.now, Rand: p.cfg.Rand})
}

// What the log says of registrations, under the name "event".
const (
	eventClientRegistered = "client_registered"
	eventClientChanged    = "client_changed_itself"
	eventClientDeleted    = "client_deleted_itself"
)

// auditRegistration writes down who registered, changed or deleted itself, and
// from where.
func (p *Provider) auditRegistration(ctx context.Context, event, message string, c *clients.Client, invitation *Invitation) {
	attrs := []slog.Attr{slog.String("event", event), slog.String("actor", "client"), slog.String("client_id", c.ID)}
	if invitation != nil {
		attrs = append(attrs, slog.String("invitation_id", invitation.ID))
	}
	if remote := remoteOf(ctx); remote != "" {
		attrs = append(attrs, slog.String("remote", remote))
	}
	p.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, message, attrs...)
}

func writeJSONStatus(w http.ResponseWriter, status int, body any) {
	noStore(w.Header())
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that hangs up is its own loss
}
