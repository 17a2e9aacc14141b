package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"regexp"

	"signet/cmd/signet/config"
	"signet/web"
)

// mayBeLogged is every attribute that may appear in a log. What is not here is
// dropped wherever it comes from, so that a careless line cannot write down a
// code, a token, a secret or a query string. Add a name only if no value under
// it can ever be one of those: never "code", "state", "token", "url", "query".
func mayBeLogged(key string) bool {
	switch key {
	case "err", "error", "cause", "description", "expected", "received", "reason", "stack",
		"request_id", "method", "path", "route", "endpoint", "status", "bytes", "duration", "remote",
		"client_id", "owner", "subject", "sub", "grant_id", "grant_type", "scope", "typ", "disabled",
		"kid", "alg", "generation", "active_at", "retired_at", "revoked_at", "event", "jump", "field",
		"actor_client_id", "actor_sub", "target", "fields",
		"grants", "sessions", "revoked_tokens", "status_entries", "status_lists", "setup_links",
		"issuer", "listen", "version", "file":
		return true
	}
	return false
}

// newLogger writes the log to w as cfg says: allow-listed attributes alone,
// and no query string even inside them.
func newLogger(w io.Writer, cfg config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.Format == "json" {
		return slog.New(allowHandler{slog.NewJSONHandler(w, opts)})
	}
	return slog.New(allowHandler{slog.NewTextHandler(w, opts)})
}

// allowHandler lets pass what may be logged, and says which request a line
// belongs to: the id is on the error page and in the X-Request-Id header.
type allowHandler struct{ next slog.Handler }

func (h allowHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h allowHandler) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, withoutSecrets(r.Message), r.PC)
	id := web.RequestID(ctx)
	r.Attrs(func(attr slog.Attr) bool {
		if attr.Key == "request_id" {
			id = "" // the line has it already
		}
		out.AddAttrs(allowed("", []slog.Attr{attr})...)
		return true
	})
	if id != "" {
		out.AddAttrs(slog.String("request_id", id))
	}
	return h.next.Handle(ctx, out)
}

func (h allowHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return allowHandler{h.next.WithAttrs(allowed("", attrs))}
}

func (h allowHandler) WithGroup(name string) slog.Handler {
	return allowHandler{h.next.WithGroup(name)}
}

// errorCode is what an OAuth error code looks like (RFC 6749, section 5.2), and
// no authorization code of ours does.
var errorCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

// allowed returns the attributes of a group that may be logged, each as a
// plain value.
func allowed(group string, attrs []slog.Attr) []slog.Attr {
	var out []slog.Attr
	for _, attr := range attrs {
		value := attr.Value.Resolve()
		switch {
		case value.Kind() == slog.KindGroup:
			out = append(out, slog.Attr{Key: attr.Key, Value: slog.GroupValue(allowed(attr.Key, value.Group())...)})
		case group == "error" && attr.Key == "code" && errorCode.MatchString(value.String()):
			out = append(out, slog.String(attr.Key, value.String()))
		case !mayBeLogged(attr.Key):
		case value.Kind() == slog.KindString:
			out = append(out, slog.String(attr.Key, withoutSecrets(value.String())))
		case value.Kind() == slog.KindAny:
			// Errors above all: an HTTP client's quote the whole URL.
			out = append(out, slog.String(attr.Key, withoutSecrets(fmt.Sprint(value.Any()))))
		default:
			out = append(out, slog.Attr{Key: attr.Key, Value: value})
		}
	}
	return out
}

// revealing matches what can hold a secret within an allowed value: a query, a
// fragment with parameters, and the token of a set-up link.
var revealing = regexp.MustCompile(`\?[^\s"']+|#[^\s"']*=[^\s"']*|/setup/[^\s"']+`)

// withoutSecrets cuts queries, fragments and set-up tokens off every URL and
// path in text.
func withoutSecrets(text string) string {
	return revealing.ReplaceAllStringFunc(text, func(found string) string {
		if found[0] == '/' {
			return "/setup/…"
		}
		return found[:1] + "…"
	})
}
