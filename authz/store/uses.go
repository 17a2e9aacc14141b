package store

import (
	"context"
	"fmt"
	"slices"

	"signet/clients"
)

// useRow is a row of client_uses.
type useRow struct {
	ClientID   string `gorm:"column:client_id;primaryKey"`
	Credential string `gorm:"column:credential;primaryKey"`
	Used       *int64 `gorm:"column:used_at"`
}

// TableName implements gorm's schema.Tabler.
func (useRow) TableName() string { return "client_uses" }

// useBatch is how many uses one transaction writes, in a few milliseconds.
const useBatch = 100

// ClientUses implements clients.UseStore.
func (s *Store) ClientUses(ctx context.Context, clientID string) ([]clients.Use, error) {
	query := s.reader(ctx).Order("client_id, credential")
	if clientID != "" {
		query = query.Where("client_id = ?", clientID)
	}
	var rows []useRow
	if err := query.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the uses of clients: %w", err)
	}
	var uses []clients.Use
	for _, r := range rows {
		uses = append(uses, clients.Use{ClientID: r.ClientID, Credential: r.Credential, At: moment(r.Used)})
	}
	return uses, nil
}

// SaveClientUses implements clients.UseStore. A client that is not there, or is
// one by its URL alone, gets no row: nobody would ever remove it.
func (s *Store) SaveClientUses(ctx context.Context, uses []clients.Use) error {
	uses = slices.Clone(uses)
	clients.SortUses(uses)
	for batch := range slices.Chunk(uses, useBatch) {
		err := s.inTx(ctx, func(ctx context.Context) error {
			for _, u := range batch {
				err := s.writer(ctx).Exec(`INSERT INTO client_uses (client_id, credential, used_at)
SELECT id, ?, ? FROM clients WHERE id = ?
ON CONFLICT (client_id, credential) DO UPDATE SET used_at = excluded.used_at WHERE client_uses.used_at <= excluded.used_at - ?`,
					u.Credential, micros(u.At), u.ClientID, clients.UseResolution.Microseconds()).Error
				if err != nil {
					return fmt.Errorf("storing the use of a client: %w", err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
