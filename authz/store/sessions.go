package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"signet/authz/login"
)

// sessionRow is a row of sessions.
type sessionRow struct {
	ID        string         `gorm:"column:id;primaryKey"`
	TokenHash string         `gorm:"column:token_hash"`
	Subject   string         `gorm:"column:subject"`
	Created   *int64         `gorm:"column:created_at"`
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
}

func payloadOf(v login.Session) sessionPayload {
	return sessionPayload{AuthTime: micros(v.AuthTime), AMR: v.AMR, ACR: v.ACR}
}

// CreateSession implements login.SessionStore: one INSERT.
func (s *Store) CreateSession(ctx context.Context, v login.Session) error {
	row := sessionRow{
		ID: v.ID, TokenHash: v.TokenHash, Subject: v.Subject,
		Created: micros(v.CreatedAt), Expires: micros(v.ExpiresAt), Ended: micros(v.EndedAt),
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
		CreatedAt: moment(r.Created), ExpiresAt: moment(r.Expires), EndedAt: moment(r.Ended),
	}
}

// EndSession implements login.SessionStore: one UPDATE.
func (s *Store) EndSession(ctx context.Context, id string, at time.Time) error {
	err := s.writer(ctx).Model(&sessionRow{}).
		Where("id = ? AND ended_at IS NULL", id).
		Updates(map[string]any{"ended_at": micros(at)}).Error
	if err != nil {
		return fmt.Errorf("ending a session: %w", err)
	}
	return nil
}
