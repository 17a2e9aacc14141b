package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"signet/cmd/signet/config"
)

// secretValue is a LogValuer that would give itself away.
type secretValue struct{}

func (secretValue) LogValue() slog.Value { return slog.StringValue("hunter2") }

func TestNothingSecretIsLogged(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		var out bytes.Buffer
		log := newLogger(&out, config.Log{Level: "debug", Format: format})
		fetch := &url.Error{Op: "Get", URL: "https://app.example.com/cb?code=hunter2&state=x", Err: errors.New("refused")}
		log.Info("request to /oauth2/authorize?code=hunter2 done", "path", "/cb?code=hunter2", "code", "hunter2", "client_secret", "hunter2",
			"query", "code=hunter2", "err", fetch, "error", fmt.Errorf("wrapped: %w", fetch), "status", 200, "client_id", "shop")
		log.With("refresh_token", "hunter2", "kid", "k1").Warn("with", slog.Group("request", "authorization", "hunter2", "method", "GET"))
		log.WithGroup("http").With("password", "hunter2").Error("grouped", "cookie", "hunter2", "route", "/login", "secret", secretValue{})
		log.Info("relative", "path", "login?username=hunter2", "received", "com.example.app:/cb?code=hunter2#hunter2")
		log.Info("set-up", "path", "/tenant/setup/hunter2", "reason", "http://127.0.0.1/?hunter2")
		log.Warn("refused", slog.Group("error", "code", "invalid_grant", "state", "hunter2"), slog.Group("request", "code", "hunter2"))
		log.Warn("refused", slog.Group("error", "code", "hunter2.AbC"))
		log.Debug("resolved", "reason", secretName{})
		text := out.String()
		if strings.Contains(text, "hunter2") {
			t.Errorf("%s: a secret is in the log:\n%s", format, text)
		}
		for _, want := range []string{"shop", "200", "k1", "GET", "/login", "app.example.com/cb?…", "refused", "invalid_grant"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing from the log:\n%s", format, want, text)
			}
		}
	}
}

// secretName resolves to a URL with a query.
type secretName struct{}

func (secretName) LogValue() slog.Value { return slog.StringValue("https://a.example/?token=hunter2") }

func TestLevelsAndFormats(t *testing.T) {
	var out bytes.Buffer
	newLogger(&out, config.Log{Level: "warn", Format: "json"}).Info("no")
	if out.Len() > 0 {
		t.Errorf("info is logged at warn: %s", out.String())
	}
	newLogger(&out, config.Log{Level: "info", Format: "json"}).Info("yes", "status", 200)
	if !strings.HasPrefix(out.String(), "{") || !strings.Contains(out.String(), `"status":200`) {
		t.Errorf("got %s", out.String())
	}
}
