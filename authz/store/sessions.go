package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"signet/authz/login"
)

// sessionRow is a row of sessions.
type sessionRow struct {
	ID        string         `gorm:"column:id;primaryKey"`
	TokenHash string         `gorm:"column:token_hash"`
	Subject   string         `gorm:"column:subject"`
	Created   *int64         `gorm:"column:created_at"`
	Used      *int64         `gorm:"column:used_at"`
	Expires   *int64         `gorm:"column:expires_at"`
	Ended     *int64         `gorm:"column:ended_at"`
	Payload   sessionPayload `gorm:"column:payload;serializer:json"`
}

// TableName implements gorm's schema.Tabler.
func (sessionRow) TableName() string { return "sessions" }

type sessionPayload struct {
	AuthTime *int64   `json:"auth_time,omitempty"`
	AMR      []string `json:"amr"`
	ACR      string   `json:"acr,omitempty"`
	// Latest is when the session ends in any case.
	Latest     *int64 `json:"expires_latest,omitempty"`
	Address    string `json:"address,omitempty"`
	UserAgent  string `json:"user_agent,omitempty"`
	Remembered bool   `json:"remembered,omitempty"`
}

func payloadOf(v login.Session) sessionPayload {
	return sessionPayload{
		AuthTime: micros(v.AuthTime), AMR: v.AMR, ACR: v.ACR, Latest: micros(v.ExpiresLatest),
		Address: v.Device.Address, UserAgent: v.Device.UserAgent, Remembered: v.Device.Remembered,
	}
}

// CreateSession implements login.SessionStore: one INSERT.
func (s *Store) CreateSession(ctx context.Context, v login.Session) error {
	row := sessionRow{
		ID: v.ID, TokenHash: v.TokenHash, Subject: v.Subject,
		Created: micros(v.CreatedAt), Used: micros(v.LastUsed), Expires: micros(v.ExpiresAt), Ended: micros(v.EndedAt),
		Payload: payloadOf(v),
	}
	if err := s.writer(ctx).Create(&row).Error; err != nil {
		return fmt.Errorf("storing a session: %w", err)
	}
	return nil
}

// SessionByToken implements login.SessionStore.
func (s *Store) SessionByToken(ctx context.Context, tokenHash string) (login.Session, error) {
	return oneSession(s.reader(ctx).Where("token_hash = ?", tokenHash))
}

func oneSession(query *gorm.DB) (login.Session, error) {
	var r sessionRow
	err := query.Take(&r).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return login.Session{}, login.ErrNotFound
	}
	if err != nil {
		return login.Session{}, fmt.Errorf("reading a session: %w", err)
	}
	return r.session(), nil
}

func (r sessionRow) session() login.Session {
	return login.Session{
		ID: r.ID, TokenHash: r.TokenHash, Subject: r.Subject,
		AuthTime: moment(r.Payload.AuthTime), AMR: r.Payload.AMR, ACR: r.Payload.ACR,
		Device:    login.Device{Address: r.Payload.Address, UserAgent: r.Payload.UserAgent, Remembered: r.Payload.Remembered},
		CreatedAt: moment(r.Created), LastUsed: moment(r.Used),
		ExpiresAt: moment(r.Expires), ExpiresLatest: moment(r.Payload.Latest), EndedAt: moment(r.Ended),
	}
}

// EndSession implements login.SessionStore: one UPDATE, and one INSERT of what
// its apps are told.
func (s *Store) EndSession(ctx context.Context, id string, at time.Time) error {
	return s.inTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Model(&sessionRow{}).
			Where("id = ? AND ended_at IS NULL", id).
			Updates(map[string]any{"ended_at": micros(at)})
		if done.Error != nil {
			return fmt.Errorf("ending a session: %w", done.Error)
		}
		if done.RowsAffected == 0 {
			return nil
		}
		return s.queueLogouts(ctx, at, "id = ?", id)
	})
}

// TouchSession implements login.SessionStore: one conditional UPDATE.
func (s *Store) TouchSession(ctx context.Context, seen login.Session, at, expires time.Time) error {
	query := s.writer(ctx).Model(&sessionRow{}).Where("id = ? AND ended_at IS NULL", seen.ID)
	if seen.LastUsed.IsZero() {
		query = query.Where("used_at IS NULL") // a row of an older release
	} else {
		query = query.Where("used_at = ?", micros(seen.LastUsed))
	}
	err := query.Updates(map[string]any{"used_at": micros(at), "expires_at": micros(expires)}).Error
	if err != nil {
		return fmt.Errorf("noting the use of a session: %w", err)
	}
	return nil
}

// LatestSessions implements login.SessionStore, by the index of a subject's
// sessions in the order of their beginnings.
func (s *Store) LatestSessions(ctx context.Context, f login.SessionFilter, limit int) ([]login.Session, error) {
	var rows []sessionRow
	if err := meant(s.reader(ctx), f).Order("created_at DESC, id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading sessions: %w", err)
	}
	all := make([]login.Session, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.session())
	}
	return all, nil
}

// EndSessions implements login.SessionStore: one UPDATE, which returns what it
// has changed, and one INSERT of what their apps are told.
func (s *Store) EndSessions(ctx context.Context, f login.SessionFilter, at time.Time) ([]login.Session, error) {
	if f.Subject == "" {
		return nil, login.ErrNoFilter
	}
	f.LiveAt = at
	var rows []sessionRow
	err := s.inTx(ctx, func(ctx context.Context) error {
		rows = nil
		err := meant(s.writer(ctx).Model(&rows).Clauses(clause.Returning{}), f).
			Updates(map[string]any{"ended_at": micros(at)}).Error
		if err != nil {
			return fmt.Errorf("ending the sessions of a person: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		return s.queueLogouts(ctx, at, "subject = ?", f.Subject)
	})
	if err != nil {
		return nil, err
	}
	ended := make([]login.Session, 0, len(rows))
	for _, r := range rows {
		ended = append(ended, r.session())
	}
	return ended, nil
}

// meant narrows a query to the sessions that f means.
func meant(query *gorm.DB, f login.SessionFilter) *gorm.DB {
	for _, by := range []struct{ where, value string }{
		{"subject = ?", f.Subject}, {"id = ?", f.ID}, {"id <> ?", f.Except},
	} {
		if by.value != "" {
			query = query.Where(by.where, by.value)
		}
	}
	if !f.LiveAt.IsZero() {
		query = query.Where("ended_at IS NULL AND expires_at > ?", micros(f.LiveAt))
	}
	return query
}
