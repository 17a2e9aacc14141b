package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"signet/authz"
)

// consentRow is a row of consents.
type consentRow struct {
	Subject  string         `gorm:"column:subject;primaryKey"`
	ClientID string         `gorm:"column:client_id;primaryKey"`
	Granted  *int64         `gorm:"column:granted_at"`
	Payload  consentPayload `gorm:"column:payload;serializer:json"`
}

// TableName implements gorm's schema.Tabler.
func (consentRow) TableName() string { return "consents" }

type consentPayload struct {
	Scopes []string `json:"scopes"`
}

// ConsentedScopes implements authz.ConsentStore.
func (s *Store) ConsentedScopes(ctx context.Context, subject, clientID string) ([]string, error) {
	var rows []consentRow
	err := s.reader(ctx).Where("subject = ? AND client_id = ?", subject, clientID).Limit(1).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading a consent: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return rows[0].Payload.Scopes, nil
}

// SaveConsent implements authz.ConsentStore: one INSERT that replaces.
func (s *Store) SaveConsent(ctx context.Context, subject, clientID string, scopes []string, at time.Time) error {
	row := consentRow{
		Subject: subject, ClientID: clientID, Granted: micros(at),
		Payload: consentPayload{Scopes: scopes},
	}
	err := s.writer(ctx).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "subject"}, {Name: "client_id"}},
		DoUpdates: clause.AssignmentColumns([]string{"granted_at", "payload"}),
	}).Create(&row).Error
	if err != nil {
		return fmt.Errorf("storing a consent: %w", err)
	}
	return nil
}

// ConsentsOf implements authz.ConsentStore.
func (s *Store) ConsentsOf(ctx context.Context, subject string) ([]authz.Consent, error) {
	var rows []consentRow
	if err := s.reader(ctx).Where("subject = ?", subject).Order("client_id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the consents of a person: %w", err)
	}
	all := make([]authz.Consent, 0, len(rows))
	for _, r := range rows {
		all = append(all, authz.Consent{ClientID: r.ClientID, Scopes: r.Payload.Scopes, At: moment(r.Granted)})
	}
	return all, nil
}

// ForgetConsent implements authz.ConsentStore: one DELETE.
func (s *Store) ForgetConsent(ctx context.Context, subject, clientID string) error {
	err := s.writer(ctx).Where("subject = ? AND client_id = ?", subject, clientID).Delete(&consentRow{}).Error
	if err != nil {
		return fmt.Errorf("forgetting a consent: %w", err)
	}
	return nil
}
