package main

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/cmd/signet/config"
	"signet/cmd/signet/server"
	"signet/keys"
)

// start is when the tests of keys begin, by the clock of their commands.
var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// newKeysCLI is a folder whose commands go by a clock that stands still until
// pass moves it.
func newKeysCLI(t *testing.T, configuration string) (c *cli, pass func(time.Duration)) {
	c = newCLI(t, configuration)
	now := start
	c.now = func() time.Time { return now }
	return c, func(d time.Duration) { now = now.Add(d) }
}

// serving opens the keys of the folder as a server would that goes by the
// clock of c.
func (c *cli) serving() keyRoom {
	c.t.Helper()
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	cfg, err := config.Load(c.dir+"/config.yaml", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	st, err := server.OpenStore(ctx, cfg, log)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { st.Close() })
	conf, err := server.KeysConfig(ctx, cfg, st, log)
	if err != nil {
		c.t.Fatal(err)
	}
	conf.Now = c.now
	ring, err := keys.Open(ctx, conf)
	if err != nil {
		c.t.Fatal(err)
	}
	return keyRoom{cfg: cfg, st: st, conf: conf, ring: ring}
}

func kidsOf(all []keys.Key) []string {
	kids := make([]string, len(all))
	for i, k := range all {
		kids[i] = k.KID
	}
	return kids
}

func TestCommandsOnKeysMakeNoneInAnEmptyDatabase(t *testing.T) {
	c := newCLI(t, "")
	if out := c.must("keys", "list"); out != "No keys yet.\n" {
		t.Errorf("got %q", out)
	}
	if got := c.array("keys", "list"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	none := "signet: " + errNoKeys.Error()
	c.refused(none, "keys", "rotate")
	c.refused(none, "keys", "revoke", "k", "--reason", "r")
	c.refused(none, "keys", "export", "--public")
	c.refused(`signet: there are no signing keys yet, and so nothing is sealed: set keys.sealing_key_file before the first "signet serve"`,
		"keys", "rekey", "--new-file", c.dir+"/new.key")
	if left, _ := os.ReadDir(c.dir + "/data"); slices.ContainsFunc(left, func(e os.DirEntry) bool { return e.Name() == "secrets" }) {
		t.Error("a secret was made")
	}
	if _, err := os.Stat(c.dir + "/new.key"); err == nil {
		t.Error("a sealing key was made for nothing")
	}
}

func TestKeysListSaysWhatHappensNext(t *testing.T) {
	c, pass := newKeysCLI(t, "")
	first := c.serving().ring.Keys()[0].KID
	list := func(want ...string) {
		t.Helper()
		got := rows(c.must("keys", "list"))
		if want = append([]string{"KID ALG NO STATE SIGNS FROM SIGNS UNTIL"}, want...); !slices.Equal(got, want) {
			t.Errorf("\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	}
	list(first+" RS256 1 active 2026-11-20 12:00:00 UTC 2027-02-18 12:00:00 UTC",
		"signs until 2027-02-18 12:00:00 UTC; the next key is announced 2027-02-17 12:00:00 UTC")

	second := c.object("keys", "rotate")["keys"].([]any)[0].(map[string]any)["kid"].(string)
	pass(time.Hour)
	list(first+" RS256 1 active 2026-11-20 12:00:00 UTC 2026-11-21 12:00:00 UTC",
		"hands over to "+second+" on 2026-11-21 12:00:00 UTC (in 23 h)",
		second+" RS256 2 announced 2026-11-21 12:00:00 UTC 2027-02-19 12:00:00 UTC",
		"begins to sign 2026-11-21 12:00:00 UTC (in 23 h)")

	pass(23 * time.Hour)
	list(first+" RS256 1 retired 2026-11-20 12:00:00 UTC 2026-11-21 12:00:00 UTC",
		"published until 2027-02-19 01:00:00 UTC; by then every token it signed has expired",
		second+" RS256 2 active 2026-11-21 12:00:00 UTC 2027-02-19 12:00:00 UTC",
		"signs until 2027-02-19 12:00:00 UTC; the next key is announced 2027-02-18 12:00:00 UTC")

	// No server runs, so nobody makes the next key, and nor does the list.
	pass(90 * 24 * time.Hour)
	signsOn := []string{second + " RS256 2 active 2026-11-21 12:00:00 UTC -",
		"was to sign until 2027-02-19 12:00:00 UTC, and signs on until it has a successor: is a server running?"}
	list(append(signsOn, "Not shown: 1 that are gone, or were revoked long ago (--all shows them).")...)
	if out := rows(c.must("keys", "list", "--all")); len(out) != 5 || out[2] != "gone since 2027-02-19 01:00:00 UTC" {
		t.Errorf("got %q", out)
	}
}

func TestKeysListForScripts(t *testing.T) {
	c, pass := newKeysCLI(t, "")
	c.serving()
	c.must("keys", "rotate")
	next := func(k map[string]any) string {
		n, _ := k["next"].(map[string]any)
		return strings.TrimSpace(k["state"].(string) + " → " + text(n["state"]) + " " + text(n["at"]))
	}
	check := func(want ...string) {
		t.Helper()
		var got []string
		for _, k := range c.array("keys", "list") {
			got = append(got, next(k))
			if k["alg"] != "RS256" || k["kid"] == "" || k["generation"] != float64(len(got)) || k["verify_only"] != false || k["revoked_at"] != nil || k["revoked_reason"] != nil {
				t.Errorf("got %v", k)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("\n got %q\nwant %q", got, want)
		}
	}
	check("active → retired 2026-11-21T12:00:00Z", "announced → active 2026-11-21T12:00:00Z")
	pass(24 * time.Hour)
	check("retired → removed 2027-02-19T01:00:00Z", "active → retired 2027-02-19T12:00:00Z")
	pass(91 * 24 * time.Hour)
	check("removed →", "active →")
}

// text is a string out of JSON, or nothing.
func text(v any) string { s, _ := v.(string); return s }

func TestOutlookOnAlgorithmsAndLateSuccessors(t *testing.T) {
	day := 24 * time.Hour
	key := func(kid, alg string, n int, state keys.State, active, retired time.Duration) keys.Key {
		return keys.Key{KID: kid, Algorithm: alg, Generation: n, State: state, AnnouncedAt: start,
			ActiveAt: start.Add(active), RetiredAt: start.Add(retired), RemovedAt: start.Add(retired + day)}
	}
	late := key("late", "RS256", 1, keys.StateActive, -day, time.Hour)
	dropped := key("dropped", "ES256", 1, keys.StateActive, -day, 5*day)
	old := key("old", "ES256", 1, keys.StateRetired, -2*day, -day)
	foreign := keys.Key{KID: "foreign", Algorithm: "PS256", Generation: 1, State: keys.StateVerifyOnly, VerifyOnly: true, RemovedAt: start.Add(day)}
	revoked := key("revoked", "RS256", 2, keys.StateRevoked, -day, day)
	revoked.RevokedAt, revoked.RevokedReason = start.Add(-time.Hour), "stolen"
	o := outlook{
		algorithms: []string{"RS256", "PS256", "EdDSA"},
		schedule:   keys.NewSchedule(keys.ScheduleOptions{RotateEvery: 90 * day, TokenLifetime: time.Hour}),
		keys:       []keys.Key{late, dropped, old, foreign, revoked}, now: start,
	}
	for _, v := range []struct {
		key  keys.Key
		want string
	}{
		{late, "signs on until it has a successor, which was to be announced 2026-11-19 13:00:00 UTC: is a server running?"},
		{dropped, "signs until 2026-11-25 12:00:00 UTC and gets no successor; keys.algorithms does not have ES256 any more"},
		{old, "published until 2026-11-20 12:00:00 UTC; by then every token it signed has expired; keys.algorithms does not have ES256 any more"},
		{foreign, "verifies tokens of another issuer until 2026-11-21 12:00:00 UTC"},
		{revoked, "revoked 2026-11-20 11:00:00 UTC: stolen"},
	} {
		if got := o.of(v.key); got != v.want {
			t.Errorf("%s:\n got %s\nwant %s", v.key.KID, got, v.want)
		}
	}
	if got := o.missing(); !slices.Equal(got, []string{"PS256", "EdDSA"}) {
		t.Errorf("without a key are %v", got)
	}
	if from, until := o.signs(revoked); from != revoked.ActiveAt || until != revoked.RevokedAt {
		t.Errorf("the revoked key signed from %s until %s", from, until)
	}
	if from, until := o.signs(foreign); !from.IsZero() || !until.IsZero() {
		t.Errorf("a key that never signs does so from %s until %s", from, until)
	}
	o.now = start.Add(31 * day)
	if !o.past(revoked) {
		t.Error("a key that was revoked 31 days ago is shown")
	}
}

func TestKeysRotate(t *testing.T) {
	c, pass := newKeysCLI(t, "")
	first := c.serving().ring.Keys()[0].KID
	rotated := func(args ...string) map[string]any {
		t.Helper()
		got := c.object(append([]string{"keys", "rotate"}, args...)...)["keys"].([]any)
		if len(got) != 1 {
			t.Fatalf("got %v", got)
		}
		return got[0].(map[string]any)
	}
	next := rotated("--alg", "RS256")
	if next["state"] != "announced" || next["generation"] != 2.0 || next["kid"] == first || next["made"] != true || next["refused_until"] != nil {
		t.Errorf("got %v", next)
	}
	if again := rotated(); again["kid"] != next["kid"] || again["made"] != false {
		t.Errorf("a second rotation does not show the announced key: %v", again)
	}
	second := next["kid"].(string)
	if out := c.must("keys", "rotate"); !strings.Contains(out, second) || !strings.Contains(out, "so nothing has changed: it begins to sign in 24 h.\nUntil then "+first+" signs.\nNothing has to be restarted.") {
		t.Errorf("got %s", out)
	}

	// Announced for a minute, it is not in every cache; a day later it is.
	pass(time.Minute)
	if out := c.must("keys", "rotate", "--now"); !strings.Contains(out, second) || !strings.Contains(out, "may refuse its tokens until 2026-11-20 12:22:00 UTC (for 21 min)") {
		t.Errorf("got %s", out)
	}
	pass(24 * time.Hour)
	third := rotated()["kid"]
	pass(23 * time.Hour)
	if out := c.must("keys", "rotate", "--now"); !strings.Contains(out, third.(string)) || !strings.Contains(out, "so every verifier has it.") || strings.Contains(out, "WARNING") {
		t.Errorf("got %s", out)
	}
	// With none announced a new key is made, which no cache can have.
	pass(time.Second)
	if now := rotated("--now"); now["made"] != true || now["state"] != "active" || now["refused_until"] != "2026-11-22T11:23:01Z" {
		t.Errorf("got %v", now)
	}

	c.refused(`signet: keys.algorithms does not have "HS256"; it has RS256`, "keys", "rotate", "--alg", "HS256")
}

func TestKeysOfSeveralAlgorithms(t *testing.T) {
	c, pass := newKeysCLI(t, "")
	c.serving()
	c.write("config.yaml", "keys: {algorithms: [RS256, ES256]}\n")
	if out := rows(c.must("keys", "list")); len(out) != 4 || out[3] != "There is no key for ES256 yet: a server makes one when it starts." {
		t.Errorf("got %q", out)
	}
	var got struct{ Keys []rotatedKey }
	c.decode(c.must("keys", "rotate", "--alg", "ES256", "--json"), &got)
	if len(got.Keys) != 1 || got.Keys[0].Algorithm != "ES256" || got.Keys[0].State != keys.StateAnnounced || !got.Keys[0].Made {
		t.Errorf("got %+v", got)
	}
	pass(time.Hour)
	c.decode(c.must("keys", "rotate", "--json"), &got)
	if len(got.Keys) != 2 || got.Keys[0].Algorithm != "RS256" || got.Keys[1].Algorithm != "ES256" || got.Keys[1].Generation != 2 {
		t.Errorf("got %+v", got)
	}
	if out := c.must("keys", "rotate"); strings.Count(out, "so nothing has changed") != 2 || strings.Count(out, "Nothing has to be restarted.") != 1 {
		t.Errorf("got %s", out)
	}
	c.write("config.yaml", "keys: {algorithms: [ES256]}\n")
	if out := c.must("keys", "list"); strings.Count(out, "keys.algorithms does not have RS256 any more") != 2 || strings.Contains(out, "ES256 any more") {
		t.Errorf("got %s", out)
	}
}

// The table of docs/signing-keys.md says what the schedule is.
func TestDocumentedSchedule(t *testing.T) {
	guide, err := os.ReadFile("../../docs/signing-keys.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, every := range []time.Duration{90 * 24 * time.Hour, 24 * time.Hour, time.Hour} {
		cfg := config.Default()
		cfg.Keys.RotateEvery = every
		s := cfg.KeySchedule()
		row := "|"
		for _, d := range []time.Duration{every, s.MaxAge, s.StaleFor, s.ReloadEvery, s.MinAnnounce(), s.AnnounceFor, s.KeepFor} {
			row += " " + config.FormatDuration(d) + " |"
		}
		if !strings.Contains(string(guide), row+"\n") {
			t.Errorf("the guide does not have the row %s", row)
		}
	}
}

func TestKeysUsage(t *testing.T) {
	c := newCLI(t, "")
	for _, v := range []struct{ args, want string }{
		{"revoke", "KID is missing"},
		{"revoke k", "--reason is missing"},
		{"revoke k --reason=", "--reason is missing"},
		{"revoke k --reson x", "unknown flag --reson; did you mean --reason?\n"},
		{"revoke -0wFqyVbHUYRWOIVrVXhxDGFqJsQ --reason x", "a KID that begins with a dash goes last, after --"},
		{"revoke --0wFqyVbHUYRWOIVrVXhxDGFqJsQ --reason x", "a KID that begins with a dash goes last, after --"},
		{"export", "--public is missing; there is no other export"},
		{"export --public --pem --json", "--pem and --json are two formats"},
		{"import", "FILE is missing"},
		{"import k --keep-for 30d", "--keep-for goes with --verify-only"},
		{"import k --verify-only --keep-for 0", "--keep-for must be longer than 0"},
		{"import k --verify-only --keep-for soon", "is not a duration; write a number and a unit"},
		{"import k --verify-only --now", "--now and --verify-only exclude each other"},
		{"rekey", "--new-file is missing"},
	} {
		code, out, errs := c.run(append([]string{"keys"}, strings.Split(v.args, " ")...)...)
		if code != exitUsage || out != "" || strings.Count(errs, "\n") != 2 || !strings.Contains(errs, v.want) {
			t.Errorf("%s: exit %d\n got %q\nwant %q", v.args, code, errs, v.want)
		}
	}
}
