package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"signet/clients"
)

// clientRow is a row of clients.
type clientRow struct {
	ID       string        `gorm:"column:id;primaryKey"`
	Source   string        `gorm:"column:source"`
	Disabled bool          `gorm:"column:disabled"`
	Created  *int64        `gorm:"column:created_at"`
	Updated  *int64        `gorm:"column:updated_at"`
	Payload  clientPayload `gorm:"column:payload;serializer:json"`
}

// TableName implements gorm's schema.Tabler.
func (clientRow) TableName() string { return "clients" }

// clientPayload uses RFC 7591's names where there is one.
type clientPayload struct {
	Name                    string          `json:"client_name,omitempty"`
	Secrets                 []secretPayload `json:"secrets"`
	RedirectURIs            []string        `json:"redirect_uris"`
	PostLogoutRedirectURIs  []string        `json:"post_logout_redirect_uris"`
	GrantTypes              []string        `json:"grant_types"`
	Scopes                  []string        `json:"scopes"`
	Audiences               []string        `json:"audiences"`
	TokenEndpointAuthMethod string          `json:"token_endpoint_auth_method,omitempty"`
	FirstParty              bool            `json:"first_party,omitempty"`
	RequirePKCE             *bool           `json:"require_pkce,omitempty"`
	IDTokenClaims           bool            `json:"id_token_claims,omitempty"`
	IDTokenAlg              string          `json:"id_token_signed_response_alg,omitempty"`
	AccessTokenAlg          string          `json:"access_token_signed_response_alg,omitempty"`
	AccessTokenStatusList   *bool           `json:"access_token_status_list,omitempty"`
	AccessTokenFormat       string          `json:"access_token_format,omitempty"`
	RefreshTokenGrace       *time.Duration  `json:"refresh_token_grace,omitempty"` // in nanoseconds, as those below
	RefreshTokenRotation    *bool           `json:"refresh_token_rotation,omitempty"`
	RefreshTokenIdleTTL     time.Duration   `json:"refresh_token_idle_ttl,omitempty"`
	RefreshTokenAbsoluteTTL time.Duration   `json:"refresh_token_absolute_ttl,omitempty"`
	Introspection           string          `json:"introspection,omitempty"`
	ClientURI               string          `json:"client_uri,omitempty"`
	LogoURI                 string          `json:"logo_uri,omitempty"`
	PolicyURI               string          `json:"policy_uri,omitempty"`
	TermsURI                string          `json:"tos_uri,omitempty"`
}

type secretPayload struct {
	Hash    string `json:"hash"`
	Created *int64 `json:"created_at,omitempty"`
	Expires *int64 `json:"expires_at,omitempty"`
}

func newClientRow(c clients.Client) clientRow {
	row := clientRow{
		ID: c.ID, Source: string(c.Source), Disabled: c.Disabled,
		Created: micros(c.CreatedAt), Updated: micros(c.UpdatedAt),
		Payload: clientPayload{
			Name:         c.Name,
			RedirectURIs: c.RedirectURIs, PostLogoutRedirectURIs: c.PostLogoutRedirectURIs,
			GrantTypes: c.GrantTypes, Scopes: c.Scopes, Audiences: c.Audiences,
			TokenEndpointAuthMethod: c.TokenEndpointAuthMethod,
			FirstParty:              c.FirstParty, RequirePKCE: c.RequirePKCE, IDTokenClaims: c.IDTokenClaims,
			IDTokenAlg: c.IDTokenSignedResponseAlg, AccessTokenAlg: c.AccessTokenSignedResponseAlg,
			AccessTokenStatusList: c.AccessTokenStatusList,
			AccessTokenFormat:     c.AccessTokenFormat, Introspection: c.Introspection,
			RefreshTokenGrace: c.RefreshTokenGrace, RefreshTokenRotation: c.RefreshTokenRotation,
			RefreshTokenIdleTTL: c.RefreshTokenIdleTTL, RefreshTokenAbsoluteTTL: c.RefreshTokenAbsoluteTTL,
			ClientURI: c.ClientURI, LogoURI: c.LogoURI, PolicyURI: c.PolicyURI, TermsURI: c.TermsURI,
		},
	}
	if c.Secrets != nil {
		row.Payload.Secrets = make([]secretPayload, 0, len(c.Secrets))
	}
	for _, s := range c.Secrets {
		row.Payload.Secrets = append(row.Payload.Secrets,
			secretPayload{Hash: s.Hash, Created: micros(s.CreatedAt), Expires: micros(s.ExpiresAt)})
	}
	return row
}

func (r clientRow) client() clients.Client {
	p := r.Payload
	c := clients.Client{
		ID: r.ID, Name: p.Name,
		RedirectURIs: p.RedirectURIs, PostLogoutRedirectURIs: p.PostLogoutRedirectURIs,
		GrantTypes: p.GrantTypes, Scopes: p.Scopes, Audiences: p.Audiences,
		TokenEndpointAuthMethod: p.TokenEndpointAuthMethod,
		FirstParty:              p.FirstParty, RequirePKCE: p.RequirePKCE, IDTokenClaims: p.IDTokenClaims,
		IDTokenSignedResponseAlg: p.IDTokenAlg, AccessTokenSignedResponseAlg: p.AccessTokenAlg,
		AccessTokenStatusList: p.AccessTokenStatusList,
		AccessTokenFormat:     p.AccessTokenFormat, Introspection: p.Introspection,
		RefreshTokenGrace: p.RefreshTokenGrace, RefreshTokenRotation: p.RefreshTokenRotation,
		RefreshTokenIdleTTL: p.RefreshTokenIdleTTL, RefreshTokenAbsoluteTTL: p.RefreshTokenAbsoluteTTL,
		Disabled:  r.Disabled,
		ClientURI: p.ClientURI, LogoURI: p.LogoURI, PolicyURI: p.PolicyURI, TermsURI: p.TermsURI,
		Source:    clients.Source(r.Source),
		CreatedAt: moment(r.Created), UpdatedAt: moment(r.Updated),
	}
	if p.Secrets != nil {
		c.Secrets = make([]clients.Secret, 0, len(p.Secrets))
	}
	for _, s := range p.Secrets {
		c.Secrets = append(c.Secrets,
			clients.Secret{Hash: s.Hash, CreatedAt: moment(s.Created), ExpiresAt: moment(s.Expires)})
	}
	return c
}

// Client implements clients.Store.
func (s *Store) Client(ctx context.Context, id string) (clients.Client, error) {
	return oneClient(s.reader(ctx).Where("id = ?", id))
}

func oneClient(query *gorm.DB) (clients.Client, error) {
	var row clientRow
	err := query.Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return clients.Client{}, clients.ErrNotFound
	}
	if err != nil {
		return clients.Client{}, fmt.Errorf("reading a client: %w", err)
	}
	return row.client(), nil
}

// Clients implements clients.Store.
func (s *Store) Clients(ctx context.Context) ([]clients.Client, error) {
	var rows []clientRow
	if err := s.reader(ctx).Order("id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the clients: %w", err)
	}
	all := make([]clients.Client, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.client())
	}
	return all, nil
}

// CreateClient implements clients.Store.
func (s *Store) CreateClient(ctx context.Context, c clients.Client) error {
	row := newClientRow(c)
	err := s.writer(ctx).Create(&row).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return clients.ErrExists
	}
	if err != nil {
		return fmt.Errorf("storing a client: %w", err)
	}
	return nil
}

// UpdateClient implements clients.Store.
func (s *Store) UpdateClient(ctx context.Context, id string, change func(*clients.Client) error) error {
	return s.inTx(ctx, func(ctx context.Context) error {
		c, err := oneClient(s.forUpdate(ctx).Where("id = ?", id))
		if err != nil {
			return err
		}
		if err := change(&c); err != nil {
			return err
		}
		c.ID = id
		row := newClientRow(c)
		if err := s.writer(ctx).Model(&row).Select("*").Omit("created_at").Updates(&row).Error; err != nil {
			return fmt.Errorf("updating a client: %w", err)
		}
		return nil
	})
}
