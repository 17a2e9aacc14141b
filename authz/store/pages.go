package store

import (
	"context"
	"fmt"
	"time"

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
	query := s.reader(ctx)
	if f.Subject != "" {
		query = query.Where("subject = ?", f.Subject)
	}
	if !f.LiveAt.IsZero() {
		query = query.Where("ended_at IS NULL AND expires_at > ?", micros(f.LiveAt))
	}
	return page(query, "sessions", after, limit, sessionRow.session)
}

// SessionByID implements login.Directory.
func (s *Store) SessionByID(ctx context.Context, id string) (login.Session, error) {
	return oneSession(s.reader(ctx).Where("id = ?", id))
}

// EndSessions implements login.Directory: one UPDATE.
func (s *Store) EndSessions(ctx context.Context, subject string, at time.Time) (int64, error) {
	done := s.writer(ctx).Model(&sessionRow{}).
		Where("subject = ? AND ended_at IS NULL AND expires_at > ?", subject, micros(at)).
		Updates(map[string]any{"ended_at": micros(at)})
	if done.Error != nil {
		return 0, fmt.Errorf("ending the sessions of a person: %w", done.Error)
	}
	return done.RowsAffected, nil
}
