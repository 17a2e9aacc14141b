package login

import (
	"errors"
	"strings"
	"testing"
)

func TestCreatePersonKeepsWhatWasGiven(t *testing.T) {
	b := newBench(t)
	p := b.add(t, NewPerson{
		Username: " Ｚoe\u0308 ", Email: "Zoe@Example.com", EmailVerified: true, Password: rightPassword, Groups: []string{"staff", "admins"},
		Profile: Profile{Name: "Zoë O'Neill", Website: "https://zoe.example/", Birthdate: "0000-12-31", Address: &Address{Formatted: "1 Road\nTown"}},
	})
	if p.Username != "Zoë" || p.Email != "Zoe@Example.com" || !p.EmailVerified || p.Admin || p.Disabled || len(p.Groups) != 2 {
		t.Errorf("created %+v", p)
	}
	if len(p.ID) != 32 || !p.CreatedAt.Equal(b.clock.Now()) || strings.Contains(p.PasswordHash, rightPassword) {
		t.Errorf("created %+v", p)
	}
	if other := b.add(t, NewPerson{Username: "zoe@example.org", Email: "zoe@example.org"}); other.ID == p.ID || other.PasswordHash != "" {
		t.Errorf("created %+v", other)
	}
}

func TestCreatePersonRefuses(t *testing.T) {
	tests := []struct {
		name, field string
		person      NewPerson
	}{
		{"no username", "username", NewPerson{}},
		{"a space in the username", "username", NewPerson{Username: "john doe"}},
		{"an invisible character", "username", NewPerson{Username: "jo\u200bhn"}},
		{"a long username", "username", NewPerson{Username: strings.Repeat("é", 65)}},
		{"a username that is somebody's email", "username", NewPerson{Username: "john@example.com"}},
		{"a username that is another email", "username", NewPerson{Username: "john@example.com", Email: "eve@example.com"}},
		{"an @ in full width", "username", NewPerson{Username: "john＠example.com", Email: "eve@example.com"}},
		{"an email that is a username", "email", NewPerson{Username: "eve", Email: "john"}},
		{"two @", "email", NewPerson{Username: "eve", Email: "a@b@example.com"}},
		{"no domain", "email", NewPerson{Username: "eve", Email: "a@"}},
		{"no local part", "email", NewPerson{Username: "eve", Email: "@example.com"}},
		{"two dots", "email", NewPerson{Username: "eve", Email: "a@example..com"}},
		{"a header in the email", "email", NewPerson{Username: "eve", Email: "a@example.com\r\nBcc: b@example.com"}},
		{"a tag in the email", "email", NewPerson{Username: "eve", Email: "<a>@example.com"}},
		{"a list of emails", "email", NewPerson{Username: "eve", Email: "a@example.com,b"}},
		{"a long email", "email", NewPerson{Username: "eve", Email: strings.Repeat("a", 250) + "@example.com"}},
		{"a short password", "password", NewPerson{Username: "eve", Password: "1234567"}},
		{"an empty group", "groups", NewPerson{Username: "eve", Groups: []string{""}}},
		{"a group twice", "groups", NewPerson{Username: "eve", Groups: []string{"a", "a"}}},
		{"a control character in a group", "groups", NewPerson{Username: "eve", Groups: []string{"a\x00"}}},
		{"a newline in the name", "name", NewPerson{Username: "eve", Profile: Profile{Name: "Eve\nAdmin"}}},
		{"a long name", "nickname", NewPerson{Username: "eve", Profile: Profile{Nickname: strings.Repeat("a", 501)}}},
		{"broken UTF-8", "given_name", NewPerson{Username: "eve", Profile: Profile{GivenName: "\xff"}}},
		{"a script for a picture", "picture", NewPerson{Username: "eve", Profile: Profile{Picture: "javascript:alert(1)"}}},
		{"userinfo in a link", "website", NewPerson{Username: "eve", Profile: Profile{Website: "https://bank.example@evil.test/"}}},
		{"a birthdate in words", "birthdate", NewPerson{Username: "eve", Profile: Profile{Birthdate: "in May"}}},
		{"a control character in the address", "address", NewPerson{Username: "eve", Profile: Profile{Address: &Address{Country: "\x1b"}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			p, err := b.CreatePerson(t.Context(), tt.person)
			var field *FieldError
			if !errors.As(err, &field) || field.Field != tt.field {
				t.Errorf("CreatePerson() = %+v, %v, want a fault of %s", p, err, tt.field)
			}
			if len(b.store.people) != 0 {
				t.Error("somebody was stored")
			}
		})
	}
}

func TestCreatePersonReportsAllFaultsTogether(t *testing.T) {
	_, err := newBench(t).CreatePerson(t.Context(), NewPerson{Username: "a b", Email: "x", Password: "short", Profile: Profile{Name: "\x00"}})
	for _, field := range []string{"username ", "email ", "password ", "name "} {
		if !strings.Contains("\n"+err.Error(), "\n"+field) {
			t.Errorf("%q is missing from:\n%v", field, err)
		}
	}
}
