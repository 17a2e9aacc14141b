package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"signet/authz/login"
	"signet/clients"
)

// page reads the rows of one page: each begins where the last one ended, by
// primary key, so that the thousandth costs what the first one does.
func page[Row, Out any](query *gorm.DB, what, after string, limit int, out func(Row) Out) ([]Out, error) {
	var rows []Row
	if err := query.Where("id > ?", after).Order("id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	all := make([]Out, 0, len(rows))
	for _, r := range rows {
		all = append(all, out(r))
	}
	return all, nil
}

// ClientsPage implements clients.Pager.
func (s *Store) ClientsPage(ctx context.Context, after string, limit int) ([]clients.Client, error) {
	return page(s.reader(ctx), "clients", after, limit, clientRow.client)
}

// ClientsOf implements clients.Pager.
func (s *Store) ClientsOf(ctx context.Context, source clients.Source) ([]clients.Client, error) {
	return manyClients(s.reader(ctx).Where("source = ?", string(source)))
}

// PeoplePage implements login.Directory.
func (s *Store) PeoplePage(ctx context.Context, after string, limit int) ([]login.Person, error) {
	return page(s.reader(ctx), "people", after, limit, personRow.person)
}

// SessionsPage implements login.Directory.
func (s *Store) SessionsPage(ctx context.Context, f login.SessionFilter, after string, limit int) ([]login.Session, error) {
	return page(meant(s.reader(ctx), f), "sessions", after, limit, sessionRow.session)
}

// SessionByID implements login.Directory.
func (s *Store) SessionByID(ctx context.Context, id string) (login.Session, error) {
	return oneSession(s.reader(ctx).Where("id = ?", id))
}
