package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"signet/authz"
)

// reachedRow is a row of session_clients.
type reachedRow struct {
	SID       string `gorm:"column:sid;primaryKey"`
	ClientID  string `gorm:"column:client_id;primaryKey"`
	SessionID string `gorm:"column:session_id"`
	Subject   string `gorm:"column:subject"`
	Sub       string `gorm:"column:sub"`
	Back      bool   `gorm:"column:back"`
	Front     bool   `gorm:"column:front"`
	Expires   *int64 `gorm:"column:expires_at"`
}

// TableName implements gorm's schema.Tabler.
func (reachedRow) TableName() string { return "session_clients" }

// deliveryRow is a row of logout_deliveries.
type deliveryRow struct {
	SID       string `gorm:"column:sid;primaryKey"`
	ClientID  string `gorm:"column:client_id;primaryKey"`
	Subject   string `gorm:"column:subject"`
	Sub       string `gorm:"column:sub"`
	Attempts  int    `gorm:"column:attempts"`
	Next      *int64 `gorm:"column:next_at"`
	Created   *int64 `gorm:"column:created_at"`
	Delivered *int64 `gorm:"column:delivered_at"`
	Status    int    `gorm:"column:status"`
	Error     string `gorm:"column:error"`
}

// TableName implements gorm's schema.Tabler.
func (deliveryRow) TableName() string { return "logout_deliveries" }

func (r deliveryRow) delivery() authz.LogoutDelivery {
	return authz.LogoutDelivery{
		SID: r.SID, ClientID: r.ClientID, Subject: r.Subject, Sub: r.Sub, Attempts: r.Attempts,
		NextAt: moment(r.Next), CreatedAt: moment(r.Created), DeliveredAt: moment(r.Delivered), Status: r.Status, Error: r.Error,
	}
}

// deliveries turns rows into what they stand for.
func deliveries(rows []deliveryRow) []authz.LogoutDelivery {
	all := make([]authz.LogoutDelivery, len(rows))
	for i, r := range rows {
		all[i] = r.delivery()
	}
	return all
}

// CreateReachingGrant implements authz.LogoutStore: two INSERTs.
func (s *Store) CreateReachingGrant(ctx context.Context, g authz.Grant, r authz.Reached) error {
	row := reachedRow{
		SID: r.SID, ClientID: r.ClientID, SessionID: r.SessionID, Subject: r.Subject, Sub: r.Sub,
		Back: r.Back, Front: r.Front, Expires: micros(r.ExpiresAt),
	}
	return s.inTx(ctx, func(ctx context.Context) error {
		if err := s.CreateGrant(ctx, g); err != nil {
			return err
		}
		if err := s.writer(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error; err != nil {
			return fmt.Errorf("storing which app a session has reached: %w", err)
		}
		return nil
	})
}

// ReachedClients implements authz.LogoutStore.
func (s *Store) ReachedClients(ctx context.Context, sessionID string) ([]authz.Reached, error) {
	var rows []reachedRow
	if err := s.reader(ctx).Where("session_id = ?", sessionID).Order("client_id, sid").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading which apps a session has reached: %w", err)
	}
	all := make([]authz.Reached, len(rows))
	for i, r := range rows {
		all[i] = authz.Reached{
			SID: r.SID, SessionID: r.SessionID, ClientID: r.ClientID, Subject: r.Subject, Sub: r.Sub,
			Back: r.Back, Front: r.Front, ExpiresAt: moment(r.Expires),
		}
	}
	return all, nil
}

// MoveReached implements authz.LogoutStore: one UPDATE.
func (s *Store) MoveReached(ctx context.Context, from, to string, expires time.Time) error {
	err := s.writer(ctx).Model(&reachedRow{}).Where("session_id = ?", from).
		Updates(map[string]any{"session_id": to, "expires_at": micros(expires)}).Error
	if err != nil {
		return fmt.Errorf("handing on which apps a session has reached: %w", err)
	}
	return nil
}

// queueLogouts enqueues the logout tokens of sessions that the transaction of ctx
// has just ended, at a time: one INSERT, whatever their number. ended is a
// condition on sessions that, with that time, says which.
func (s *Store) queueLogouts(ctx context.Context, at time.Time, ended string, args ...any) error {
	args = append([]any{micros(at), micros(at), micros(at.Add(authz.LogoutRetention))}, args...)
	err := s.writer(ctx).Exec(`INSERT INTO logout_deliveries (sid, client_id, subject, sub, attempts, next_at, created_at, status, error, expires_at)
SELECT sid, client_id, subject, sub, 0, ?, ?, 0, '', ? FROM session_clients
WHERE back AND session_id IN (SELECT id FROM sessions WHERE `+ended+` AND ended_at = ?)
ON CONFLICT (sid, client_id) DO NOTHING`, append(args, micros(at))...).Error
	if err != nil {
		return fmt.Errorf("queueing logout tokens: %w", err)
	}
	return nil
}

// PendingLogouts implements authz.LogoutStore, from an index that holds those
// alone.
func (s *Store) PendingLogouts(ctx context.Context) (map[string]time.Time, error) {
	var rows []struct {
		ClientID string
		Next     *int64
	}
	err := s.reader(ctx).Model(&deliveryRow{}).Select("client_id, MIN(next_at) AS next").
		Where("next_at IS NOT NULL").Group("client_id").Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading the logout tokens that are due: %w", err)
	}
	due := make(map[string]time.Time, len(rows))
	for _, r := range rows {
		due[r.ClientID] = moment(r.Next)
	}
	return due, nil
}

// ClaimLogouts implements authz.LogoutStore: one UPDATE. Its condition stands
// twice, as in nextBlock; the plus keeps SQLite from going through all that is
// due to the client a second time, in place of the keys that were found.
func (s *Store) ClaimLogouts(ctx context.Context, clientID string, now, until time.Time, limit int) ([]authz.LogoutDelivery, error) {
	var rows []deliveryRow
	err := s.writer(ctx).Model(&rows).Clauses(clause.Returning{}).
		Where(`client_id = ? AND +next_at <= ? AND sid IN (SELECT sid FROM logout_deliveries
			WHERE client_id = ? AND next_at <= ? ORDER BY next_at LIMIT ?`+s.backend.skipLocked+`)`,
			clientID, micros(now), clientID, micros(now), limit).
		Updates(map[string]any{"attempts": gorm.Expr("attempts + 1"), "next_at": micros(until)}).Error
	if err != nil {
		return nil, fmt.Errorf("claiming logout tokens: %w", err)
	}
	return deliveries(rows), nil
}

// SettleLogouts implements authz.LogoutStore: one UPDATE each, in one transaction.
func (s *Store) SettleLogouts(ctx context.Context, until time.Time, done []authz.LogoutDelivery) error {
	return s.inTx(ctx, func(ctx context.Context) error {
		for _, d := range done {
			err := s.writer(ctx).Model(&deliveryRow{}).
				Where("sid = ? AND client_id = ? AND next_at = ?", d.SID, d.ClientID, micros(until)).
				Updates(map[string]any{
					"attempts": d.Attempts, "next_at": micros(d.NextAt), "delivered_at": micros(d.DeliveredAt),
					"status": d.Status, "error": d.Error,
				}).Error
			if err != nil {
				return fmt.Errorf("storing what became of a logout token: %w", err)
			}
		}
		return nil
	})
}

// LogoutDeliveries implements authz.LogoutFinder.
func (s *Store) LogoutDeliveries(ctx context.Context, all bool, limit int) ([]authz.LogoutDelivery, error) {
	query := s.reader(ctx)
	if !all {
		query = query.Where("delivered_at IS NULL")
	}
	var rows []deliveryRow
	if err := query.Order("created_at DESC, sid, client_id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading logout tokens: %w", err)
	}
	return deliveries(rows), nil
}
