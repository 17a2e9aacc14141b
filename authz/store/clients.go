package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"signet/clients"
)

// clientRow is a row of clients.
type clientRow struct {
	ID       string `gorm:"column:id;primaryKey"`
	Source   string `gorm:"column:source"`
	Disabled bool   `gorm:"column:disabled"`
	Created  *int64 `gorm:"column:created_at"`
	Updated  *int64 `gorm:"column:updated_at"`
	// Indexed is Updated of when client_origins was last brought in line.
	Indexed *int64        `gorm:"column:origins_at"`
	Payload clientPayload `gorm:"column:payload;serializer:json"`
}

// TableName implements gorm's schema.Tabler.
func (clientRow) TableName() string { return "clients" }

// clientPayload is a client but for what has a column. Its Secrets stand in
// front of the client's own: times are kept as in every other row.
type clientPayload struct {
	clients.Client
	Secrets []secretPayload `json:"secrets"`
}

type secretPayload struct {
	Hash    string `json:"hash"`
	Created *int64 `json:"created_at,omitempty"`
	Expires *int64 `json:"expires_at,omitempty"`
}

func newClientRow(c clients.Client) clientRow {
	row := clientRow{
		ID: c.ID, Source: string(c.Source), Disabled: c.Disabled,
		Created: micros(c.CreatedAt), Updated: micros(c.UpdatedAt), Indexed: micros(c.UpdatedAt),
		Payload: clientPayload{Client: c},
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
	c := p.Client
	c.ID, c.Source, c.Disabled = r.ID, clients.Source(r.Source), r.Disabled
	c.CreatedAt, c.UpdatedAt = moment(r.Created), moment(r.Updated)
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
	row, err := oneClientRow(query)
	if err != nil {
		return clients.Client{}, err
	}
	return row.client(), nil
}

func oneClientRow(query *gorm.DB) (row clientRow, err error) {
	err = query.Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return row, clients.ErrNotFound
	}
	if err != nil {
		return row, fmt.Errorf("reading a client: %w", err)
	}
	return row, nil
}

// Clients implements clients.Store.
func (s *Store) Clients(ctx context.Context) ([]clients.Client, error) {
	return manyClients(s.reader(ctx))
}

func manyClients(query *gorm.DB) ([]clients.Client, error) {
	var rows []clientRow
	if err := query.Order("id").Find(&rows).Error; err != nil {
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
	return s.inTx(ctx, func(ctx context.Context) error { return s.insertClient(ctx, c) })
}

// insertClient is CreateClient within the transaction of ctx.
func (s *Store) insertClient(ctx context.Context, c clients.Client) error {
	row := newClientRow(c)
	err := s.writer(ctx).Create(&row).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return clients.ErrExists
	}
	if err != nil {
		return fmt.Errorf("storing a client: %w", err)
	}
	return s.addOrigins(ctx, c.ID, c.Origins())
}

// UpdateClient implements clients.Store.
func (s *Store) UpdateClient(ctx context.Context, id string, change func(*clients.Client) error) error {
	return s.inTx(ctx, func(ctx context.Context) error {
		stored, err := oneClientRow(s.forUpdate(ctx).Where("id = ?", id))
		if err != nil {
			return err
		}
		c := stored.client()
		before := c.Origins()
		if err := change(&c); err != nil {
			return err
		}
		c.ID = id
		row := newClientRow(c)
		if err := s.writer(ctx).Model(&row).Select("*").Omit("created_at").Updates(&row).Error; err != nil {
			return fmt.Errorf("updating a client: %w", err)
		}
		if stored.inLine() && slices.Equal(before, c.Origins()) {
			return nil
		}
		return s.replaceOrigins(ctx, id, c.Origins())
	})
}
