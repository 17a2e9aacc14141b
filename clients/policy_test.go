package clients

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func asPublic(c *Client) {
	c.TokenEndpointAuthMethod, c.Secrets, c.GrantTypes = AuthMethodNone, nil, []string{GrantAuthorizationCode, GrantRefreshToken}
}

func TestTokenRulesAccepted(t *testing.T) {
	for name, change := range map[string]func(*Client){
		"rules of its own": func(c *Client) {
			c.RefreshTokenGrace, c.RefreshTokenRotation = new(10*time.Minute), new(false)
			c.RefreshTokenIdleTTL, c.RefreshTokenAbsoluteTTL = time.Second, 3650*24*time.Hour
		},
		"no grace":                      func(c *Client) { c.RefreshTokenGrace = new(time.Duration(0)) },
		"an idle lifetime alone":        func(c *Client) { c.RefreshTokenIdleTTL = 400 * 24 * time.Hour },
		"opaque access tokens":          func(c *Client) { c.AccessTokenFormat = AccessTokenOpaque },
		"a gateway":                     func(c *Client) { c.Introspection = IntrospectAny },
		"public, told about no token":   func(c *Client) { asPublic(c); c.Introspection = IntrospectNone },
		"public, with rotation by name": func(c *Client) { asPublic(c); c.RefreshTokenRotation = new(true) },
	} {
		t.Run(name, func(t *testing.T) {
			c := webApp()
			change(&c)
			if err := c.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTokenRulesRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		field  string
		change func(*Client)
	}{
		"grace too long":       {"refresh_token_grace", func(c *Client) { c.RefreshTokenGrace = new(10*time.Minute + time.Second) }},
		"grace below zero":     {"refresh_token_grace", func(c *Client) { c.RefreshTokenGrace = new(-time.Second) }},
		"half a second":        {"refresh_token_grace", func(c *Client) { c.RefreshTokenGrace = new(500 * time.Millisecond) }},
		"idle too short":       {"refresh_token_idle_ttl", func(c *Client) { c.RefreshTokenIdleTTL = time.Millisecond }},
		"idle below zero":      {"refresh_token_idle_ttl", func(c *Client) { c.RefreshTokenIdleTTL = -time.Hour }},
		"absolute too long":    {"refresh_token_absolute_ttl", func(c *Client) { c.RefreshTokenAbsoluteTTL = 3651 * 24 * time.Hour }},
		"idle beyond absolute": {"refresh_token_idle_ttl", func(c *Client) { c.RefreshTokenIdleTTL, c.RefreshTokenAbsoluteTTL = 2*time.Hour, time.Hour }},
		"an unknown format":    {"access_token_format", func(c *Client) { c.AccessTokenFormat = "JWT" }},
		"an unknown policy":    {"introspection", func(c *Client) { c.Introspection = "all" }},
		// Confidential made public with what only a secret makes safe.
		"public without rotation": {"refresh_token_rotation", func(c *Client) { asPublic(c); c.RefreshTokenRotation = new(false) }},
		"public, told about own":  {"introspection", func(c *Client) { asPublic(c); c.Introspection = IntrospectOwn }},
		"public, told about any":  {"introspection", func(c *Client) { asPublic(c); c.Introspection = IntrospectAny }},
	} {
		t.Run(name, func(t *testing.T) {
			c := webApp()
			tt.change(&c)
			var fe *FieldError
			if err := c.Validate(); !errors.As(err, &fe) || fe.Field != tt.field || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one fault of %s", err, tt.field)
			}
		})
	}
}

func TestIntrospectionPolicy(t *testing.T) {
	const api, other = "https://api.example.com", "https://other.example.com"
	for _, tt := range []struct {
		name                        string
		change                      func(*Client)
		issuedTo                    string
		audience                    []string
		wantAccess, wantItsRefreshs bool
	}{
		{"its own token", func(*Client) {}, "web-app", []string{other}, true, true},
		{"another's, for its audience", func(*Client) {}, "b", []string{other, api}, true, false},
		{"another's, for itself", func(*Client) {}, "b", []string{"web-app"}, true, false},
		{"another's, for others", func(*Client) {}, "b", []string{other}, false, false},
		{"another's, for nobody", func(c *Client) { c.Audiences = nil }, "b", nil, false, false},
		{"own by name", func(c *Client) { c.Introspection = IntrospectOwn }, "b", []string{other}, false, false},
		{"none, its own", func(c *Client) { c.Introspection = IntrospectNone }, "web-app", []string{api}, false, false},
		{"any, another's", func(c *Client) { c.Introspection = IntrospectAny }, "b", []string{other}, true, false},
		{"any, its own", func(c *Client) { c.Introspection = IntrospectAny }, "web-app", []string{other}, true, true},
		{"public, its own", asPublic, "web-app", []string{api}, false, false},
		// No store holds such a client; a row from elsewhere must not open a door.
		{"public and any", func(c *Client) { asPublic(c); c.Introspection = IntrospectAny }, "web-app", []string{api}, false, false},
	} {
		c := webApp()
		tt.change(&c)
		if got := c.IntrospectsAccessToken(tt.issuedTo, tt.audience); got != tt.wantAccess {
			t.Errorf("%s: access token %t", tt.name, got)
		}
		if got := c.IntrospectsRefreshToken(tt.issuedTo); got != tt.wantItsRefreshs {
			t.Errorf("%s: refresh token %t", tt.name, got)
		}
	}
}

func TestMetadataHasTheRulesInSeconds(t *testing.T) {
	c := webApp()
	c.AccessTokenFormat, c.Introspection = AccessTokenOpaque, IntrospectAny
	c.RefreshTokenGrace, c.RefreshTokenRotation = new(time.Duration(0)), new(false)
	c.RefreshTokenIdleTTL, c.RefreshTokenAbsoluteTTL = time.Minute, time.Hour
	b, err := json.Marshal(c.Metadata())
	const want = `"access_token_format":"opaque","refresh_token_grace":0,"refresh_token_rotation":false,` +
		`"refresh_token_idle_ttl":60,"refresh_token_absolute_ttl":3600,"introspection":"any"`
	if err != nil || !strings.Contains(string(b), want) {
		t.Errorf("%v\n got %s\nwant %s", err, b, want)
	}
}
