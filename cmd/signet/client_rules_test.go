package main

import (
	"slices"
	"testing"
	"time"

	"signet/cmd/signet/config"
)

func TestClientsWithTokenRulesOfTheirOwn(t *testing.T) {
	c := newCLI(t, "")
	got := c.object("clients", "create", "--id", "a", "--redirect-uri", "https://a.example.com/", "--access-token-format", "opaque", "--introspection", "any",
		"--refresh-token-grace", "0", "--refresh-token-rotation=false", "--refresh-token-idle-ttl", "7d", "--refresh-token-absolute-ttl", "30d")
	for name, want := range map[string]any{
		"access_token_format": "opaque", "introspection": "any", "refresh_token_grace": 0.0, "refresh_token_rotation": false,
		"refresh_token_idle_ttl": 604800.0, "refresh_token_absolute_ttl": 2592000.0,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	shown := rows(c.must("clients", "show", "a"))
	for _, want := range []string{
		"access_token_format opaque", "introspection any", "refresh_token_grace 0s", "refresh_token_rotation false",
		"refresh_token_idle_ttl 7d", "refresh_token_absolute_ttl 30d",
	} {
		if !slices.Contains(shown, want) {
			t.Errorf("%q is missing from %q", want, shown)
		}
	}

	// Another change leaves them alone; an empty one is the default again.
	c.must("clients", "update", "a", "--name", "A")
	if got := c.stored("a"); got.RotatesRefreshTokens() || !got.OpaqueAccessTokens() || *got.RefreshTokenGrace != 0 || got.RefreshTokenIdleTTL != 7*24*time.Hour {
		t.Errorf("stored %+v", got)
	}
	got = c.object("clients", "update", "a", "--access-token-format", "", "--introspection", "", "--refresh-token-grace", "", "--refresh-token-rotation",
		"--refresh-token-idle-ttl", "", "--refresh-token-absolute-ttl", "")
	for _, name := range []string{"access_token_format", "introspection", "refresh_token_grace", "refresh_token_idle_ttl", "refresh_token_absolute_ttl"} {
		if got[name] != nil {
			t.Errorf("%s is %v, want the default", name, got[name])
		}
	}
	if got["refresh_token_rotation"] != true {
		t.Errorf("refresh_token_rotation is %v", got["refresh_token_rotation"])
	}
}

func TestClientsTokenRulesThatAreRefused(t *testing.T) {
	c := newCLI(t, "")
	c.must("clients", "create", "--id", "a", "--redirect-uri", "https://a.example.com/", "--refresh-token-rotation=false", "--introspection", "any")
	for _, v := range []struct {
		want string
		args []string
	}{
		{`--refresh-token-grace: 1h0m0s is out of range; it must be 0 to 10m: a stolen token can be replayed for as long`, []string{"--refresh-token-grace", "1h"}},
		{`--refresh-token-idle-ttl: must not be longer than refresh_token_absolute_ttl`, []string{"--refresh-token-idle-ttl", "2h", "--refresh-token-absolute-ttl", "1h"}},
		{`--access-token-format: "jws" must be jwt or opaque`, []string{"--access-token-format", "jws"}},
		{`--introspection: "all" must be own, none or any`, []string{"--introspection", "all"}},
		{`--refresh-token-rotation: must be true for a public client: whoever finds its refresh token can use it; --introspection: "any" needs a confidential client: a public one cannot prove who it is`,
			[]string{"--public"}},
	} {
		c.refused("signet: "+v.want, append([]string{"clients", "update", "a"}, v.args...)...)
	}
	if got := c.stored("a"); got.Public() || got.RefreshTokenGrace != nil {
		t.Errorf("a refused command changed something: %+v", got)
	}
}

func TestDeclaredClientsHaveTokenRules(t *testing.T) {
	file := newCLI(t, `clients:
- client_id: a
  public: true
  redirect_uris: [https://a.example.com/]
  refresh_token_grace: 0s
  refresh_token_idle_ttl: 7d
  access_token_format: opaque
`).dir + "/config.yaml"
	cfg, err := config.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	declared, err := cfg.DeclaredClients()
	if err != nil {
		t.Fatal(err)
	}
	if a := declared[0].Client; a.RefreshTokenGrace == nil || *a.RefreshTokenGrace != 0 || a.RefreshTokenIdleTTL != 7*24*time.Hour ||
		!a.OpaqueAccessTokens() || !a.RotatesRefreshTokens() || a.RefreshTokenAbsoluteTTL != 0 {
		t.Errorf("declared %+v", a)
	}
	c := newCLI(t, `clients:
- client_id: a
  public: true
  redirect_uris: [https://a.example.com/]
  refresh_token_grace: 11m
  refresh_token_rotation: false
  refresh_token_absolute_ttl: 500ms
  access_token_format: jvt
  introspection: any
`)
	c.refused(`config.yaml:5: clients[0].refresh_token_grace: 11m0s is out of range; it must be 0 to 10m: a stolen token can be replayed for as long
config.yaml:6: clients[0].refresh_token_rotation: must be true for a public client: whoever finds its refresh token can use it
config.yaml:7: clients[0].refresh_token_absolute_ttl: 500ms is out of range; it must be 1s to 3650d
config.yaml:8: clients[0].access_token_format: "jvt" must be jwt or opaque
config.yaml:9: clients[0].introspection: "any" needs a confidential client: a public one cannot prove who it is`, "config", "check")
}
