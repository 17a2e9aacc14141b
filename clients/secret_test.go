package clients

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func TestNewSecretIs256BitsAndStoredAsItsHash(t *testing.T) {
	plain, s, err := NewSecret(nil, noon)
	if err != nil {
		t.Fatal(err)
	}
	if len(plain) != 43 || strings.Contains(s.Hash, plain) || !strings.HasPrefix(s.Hash, "sha256$") || !s.CreatedAt.Equal(noon) {
		t.Errorf("NewSecret() = %q, %+v", plain, s)
	}
	other, _, err := NewSecret(nil, noon)
	if err != nil || other == plain {
		t.Errorf("two secrets are alike: %q, %v", other, err)
	}
	c := Client{Secrets: []Secret{s}}
	if !c.CheckSecret(plain, noon) || c.CheckSecret(plain+"x", noon) || c.CheckSecret(plain[1:], noon) || c.CheckSecret(s.Hash, noon) {
		t.Error("CheckSecret accepts something else than the secret")
	}
}

func TestSecretsFailWithoutRandomness(t *testing.T) {
	broken := iotest.ErrReader(errors.New("no entropy"))
	if plain, _, err := NewSecret(broken, noon); err == nil || plain != "" {
		t.Errorf("NewSecret() = %q, %v", plain, err)
	}
	if _, err := HashSecret(bytes.NewReader(make([]byte, 3)), "shorter than 32", noon); err == nil {
		t.Error("HashSecret made do with a short salt")
	}
}

func TestHashSecret(t *testing.T) {
	for plain, scheme := range map[string]string{
		"8 chars!":              "pbkdf2-sha256$100000$",
		strings.Repeat("a", 31): "pbkdf2-sha256$100000$",
		strings.Repeat("a", 32): "sha256$",
	} {
		s, err := HashSecret(nil, plain, noon)
		if err != nil || !strings.HasPrefix(s.Hash, scheme) {
			t.Errorf("HashSecret(%q) = %+v, %v, want %s", plain, s, err, scheme)
		}
		c := Client{Secrets: []Secret{s}}
		if !c.CheckSecret(plain, noon) || c.CheckSecret(plain+"x", noon) || c.CheckSecret("", noon) {
			t.Errorf("CheckSecret does not follow %s", s.Hash)
		}
	}
	for _, plain := range []string{"", "7 chars", "line\nfeed in it", "schlüssel-geheim", strings.Repeat("a", 1025)} {
		var field *FieldError
		if _, err := HashSecret(nil, plain, noon); !errors.As(err, &field) || field.Field != "client_secret" {
			t.Errorf("HashSecret(%q): %v", plain, err)
		}
	}
}

func TestTwoSecretsLiveWhileARotationOverlaps(t *testing.T) {
	oldPlain, oldSecret, _ := NewSecret(nil, noon)
	newPlain, newSecret, _ := NewSecret(nil, noon)
	oldSecret.ExpiresAt = noon.Add(time.Hour)
	c := Client{Secrets: []Secret{oldSecret, newSecret}}
	for _, tt := range []struct {
		at               time.Time
		oldWorks, newOne bool
	}{
		{noon, true, true},
		{noon.Add(time.Hour - time.Nanosecond), true, true},
		{noon.Add(time.Hour), false, true},
	} {
		if got := c.CheckSecret(oldPlain, tt.at); got != tt.oldWorks {
			t.Errorf("old secret at %v: %v", tt.at, got)
		}
		if got := c.CheckSecret(newPlain, tt.at); got != tt.newOne {
			t.Errorf("new secret at %v: %v", tt.at, got)
		}
	}
}

func TestNoSecretMatchesWhereThereIsNone(t *testing.T) {
	plain, s, _ := NewSecret(nil, noon)
	expired := s
	expired.ExpiresAt = noon
	for name, c := range map[string]Client{
		"unknown client":               {},
		"public client with a row":     {TokenEndpointAuthMethod: AuthMethodNone, Secrets: []Secret{s}},
		"all expired":                  {Secrets: []Secret{expired}},
		"stored in the clear":          {Secrets: []Secret{{Hash: plain}}},
		"dummy":                        {Secrets: []Secret{DummySecret()}},
		"no iterations":                {Secrets: []Secret{{Hash: "pbkdf2-sha256$0$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}},
		"more iterations than is sane": {Secrets: []Secret{{Hash: "pbkdf2-sha256$4000000000$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}},
		"short digest":                 {Secrets: []Secret{{Hash: "sha256$"}}},
	} {
		for _, guess := range []string{"", plain, s.Hash, DummySecret().Hash} {
			if c.CheckSecret(guess, noon) {
				t.Errorf("%s: %q matches", name, guess)
			}
		}
	}
}
