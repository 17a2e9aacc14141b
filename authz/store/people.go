package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"signet/authz/login"
)

// personRow is a row of people.
type personRow struct {
	ID           string        `gorm:"column:id;primaryKey"`
	Username     string        `gorm:"column:username"`
	UsernameKey  string        `gorm:"column:username_key"`
	Email        string        `gorm:"column:email"`
	PasswordHash string        `gorm:"column:password_hash"`
	Admin        bool          `gorm:"column:admin"`
	Disabled     bool          `gorm:"column:disabled"`
	Created      *int64        `gorm:"column:created_at"`
	Updated      *int64        `gorm:"column:updated_at"`
	Payload      personPayload `gorm:"column:payload;serializer:json"`
}

// TableName implements gorm's schema.Tabler.
func (personRow) TableName() string { return "people" }

type personPayload struct {
	EmailVerified bool             `json:"email_verified,omitempty"`
	Profile       login.Profile    `json:"profile"`
	Groups        []string         `json:"groups"`
	Attributes    login.Attributes `json:"attributes,omitempty"`
}

// loginRow is a row of person_logins: one name by which a person signs in.
type loginRow struct {
	Key      string `gorm:"column:login_key;primaryKey"`
	PersonID string `gorm:"column:person_id"`
}

// TableName implements gorm's schema.Tabler.
func (loginRow) TableName() string { return "person_logins" }

// newPersonRow returns the person's row and the rows of its names.
func newPersonRow(p login.Person) (personRow, []loginRow, error) {
	row := personRow{
		ID: p.ID, Username: p.Username, Email: p.Email, PasswordHash: p.PasswordHash,
		Admin: p.Admin, Disabled: p.Disabled,
		Created: micros(p.CreatedAt), Updated: micros(p.UpdatedAt),
		Payload: personPayload{EmailVerified: p.EmailVerified, Profile: p.Profile, Groups: p.Groups, Attributes: p.Attributes},
	}
	var names []loginRow
	for _, name := range []string{p.Username, p.Email} {
		if name == "" {
			continue
		}
		key, err := login.Key(name)
		if err != nil {
			return personRow{}, nil, fmt.Errorf("a name of the person: %w", err)
		}
		if name == p.Username {
			row.UsernameKey = key
		}
		if len(names) == 0 || names[0].Key != key {
			names = append(names, loginRow{Key: key, PersonID: p.ID})
		}
	}
	return row, names, nil
}

func (r personRow) person() login.Person {
	return login.Person{
		ID: r.ID, Username: r.Username, Email: r.Email, EmailVerified: r.Payload.EmailVerified,
		PasswordHash: r.PasswordHash, Profile: r.Payload.Profile, Groups: r.Payload.Groups, Attributes: r.Payload.Attributes,
		Admin: r.Admin, Disabled: r.Disabled,
		CreatedAt: moment(r.Created), UpdatedAt: moment(r.Updated),
	}
}

// CreatePerson implements login.PeopleStore.
func (s *Store) CreatePerson(ctx context.Context, p login.Person) error {
	return s.inTx(ctx, func(ctx context.Context) error { return s.insertPerson(ctx, p) })
}

// insertPerson must run in a transaction.
func (s *Store) insertPerson(ctx context.Context, p login.Person) error {
	row, names, err := newPersonRow(p)
	if err != nil {
		return err
	}
	if err := s.writer(ctx).Create(&row).Error; err != nil {
		return fmt.Errorf("storing a person: %w", err)
	}
	return s.insertNames(ctx, names)
}

func (s *Store) insertNames(ctx context.Context, names []loginRow) error {
	if len(names) == 0 {
		return nil
	}
	err := s.writer(ctx).Create(&names).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return login.ErrTaken
	}
	if err != nil {
		return fmt.Errorf("storing a person's names: %w", err)
	}
	return nil
}

// UpdatePerson implements login.PeopleStore.
func (s *Store) UpdatePerson(ctx context.Context, id string, change func(*login.Person) error) error {
	return s.inTx(ctx, func(ctx context.Context) error {
		p, err := onePerson(s.forUpdate(ctx).Where("id = ?", id))
		if err != nil {
			return err
		}
		if err := change(&p); err != nil {
			return err
		}
		p.ID = id
		row, names, err := newPersonRow(p)
		if err != nil {
			return err
		}
		if err := s.writer(ctx).Model(&row).Select("*").Omit("created_at").Updates(&row).Error; err != nil {
			return fmt.Errorf("updating a person: %w", err)
		}
		if err := s.writer(ctx).Where("person_id = ?", id).Delete(&loginRow{}).Error; err != nil {
			return fmt.Errorf("replacing a person's names: %w", err)
		}
		return s.insertNames(ctx, names)
	})
}

// Person implements login.PeopleStore.
func (s *Store) Person(ctx context.Context, id string) (login.Person, error) {
	return onePerson(s.reader(ctx).Where("id = ?", id))
}

// PersonByLogin implements login.PeopleStore.
func (s *Store) PersonByLogin(ctx context.Context, key string) (login.Person, error) {
	return onePerson(s.reader(ctx).
		Where("id = (SELECT person_id FROM person_logins WHERE login_key = ?)", key))
}

func onePerson(query *gorm.DB) (login.Person, error) {
	var row personRow
	err := query.Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return login.Person{}, login.ErrNotFound
	}
	if err != nil {
		return login.Person{}, fmt.Errorf("reading a person: %w", err)
	}
	return row.person(), nil
}

// People implements login.PeopleStore.
func (s *Store) People(ctx context.Context) ([]login.Person, error) {
	var rows []personRow
	if err := s.reader(ctx).Order("username_key, id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the people: %w", err)
	}
	all := make([]login.Person, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.person())
	}
	return all, nil
}
