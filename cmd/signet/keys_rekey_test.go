package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"signet/authz/storetest"
	"signet/keys"
)

func TestKeysRekey(t *testing.T) {
	c := newCLI(t, "")
	room := c.serving()
	c.must("keys", "rotate")
	token := sign(t, room.ring, "at+jwt", good(nil))
	kids := kidsOf(c.serving().ring.Keys())
	old, err := os.ReadFile(c.dir + "/data/secrets/sealing.key")
	if err != nil {
		t.Fatal(err)
	}

	fresh := c.dir + "/keep/new.key"
	out := c.must("keys", "rekey", "--new-file", fresh)
	for _, want := range []string{"Sealed 2 keys anew, under the sealing key that was made in " + fresh, "1. Set keys.sealing_key_file to " + fresh, "2. Restart every node.", "4. Destroy the old one, " + c.dir + "/data/secrets/sealing.key"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing from:\n%s", want, out)
		}
	}
	if info, err := os.Stat(fresh); err != nil || info.Size() != 32 || info.Mode().Perm() != 0o600 {
		t.Errorf("the new sealing key is %v, %v", info, err)
	}
	if now, err := os.ReadFile(c.dir + "/data/secrets/sealing.key"); err != nil || !bytes.Equal(now, old) {
		t.Errorf("the old sealing key was touched: %v", err)
	}
	if sign(t, room.ring, "at+jwt", good(nil)) == "" {
		t.Error("a running server does not sign any more")
	}

	// With the old one nothing goes, and nothing is changed by trying.
	wrong := "the sealing key file is not the one this database's keys were sealed with"
	another := c.dir + "/another.key"
	for _, args := range [][]string{{"keys", "list"}, {"keys", "rotate"}, {"keys", "rekey", "--new-file", another}} {
		if code, out, errs := c.run(args...); code != exitRefused || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, wrong) {
			t.Errorf("%v: exit %d, %s%s", args, code, out, errs)
		}
	}
	if _, err := os.Stat(another); err == nil {
		t.Error("a sealing key that seals nothing was left behind")
	}

	c.write("config.yaml", "keys:\n  sealing_key_file: keep/new.key\n")
	after := c.serving().ring
	if got := kidsOf(after.Keys()); !slices.Equal(got, kids) {
		t.Errorf("the keys were %v and are %v", kids, got)
	}
	if _, err := after.Verify(token); err != nil {
		t.Error(err)
	}
	code, _, errs := c.run("keys", "rekey", "--new-file", fresh)
	if code != exitRefused || !strings.Contains(errs, "holds the sealing key that is in use") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestKeysRekeyToAKeyThatIsThere(t *testing.T) {
	c := newCLI(t, "")
	c.serving()
	file := c.write("short.key", "too short")
	c.refused("signet: the new sealing key short.key has 9 bytes; it must be 32 random bytes, or base64 or hexadecimal of so many", "keys", "rekey", "--new-file", file)
	file = c.write("hex.key", strings.Repeat("0f", 32)+"\n")
	got := c.object("keys", "rekey", "--new-file", file)
	if got["keys"] != 1.0 || got["made"] != false || got["sealing_key_file"] != file {
		t.Errorf("got %v", got)
	}
	t.Chdir(c.dir)
	c.write("config.yaml", "keys:\n  sealing_key_file: hex.key\n")
	if got := c.object("keys", "rekey", "--new-file", "made.key"); got["made"] != true || got["sealing_key_file"] != filepath.Join(c.dir, "made.key") {
		t.Errorf("got %v", got)
	}
}

func TestKeysRekeyOfAKeyInTheEnvironment(t *testing.T) {
	c := newCLI(t, "keys:\n  sealing_key: "+strings.Repeat("0f", 32)+"\n")
	c.serving()
	out := c.must("keys", "rekey", "--new-file", c.dir+"/new.key")
	if !strings.Contains(out, "1. Set SIGNET_KEYS_SEALING_KEY to its base64 (base64 < "+c.dir+"/new.key), on every node.") || strings.Contains(out, "0f0f") {
		t.Errorf("got %s", out)
	}
}

// A file that was just made is taken away again only if the database is
// certain not to be sealed under it.
func TestSealedAs(t *testing.T) {
	ctx, st := context.Background(), storetest.NewMemory()
	conf := keys.Config{Store: st, SealingKey: bytes.Repeat([]byte{1}, 32), Logger: slog.New(slog.DiscardHandler), Schedule: keys.NewSchedule(keys.ScheduleOptions{RotateEvery: 1e15, TokenLifetime: 1e12})}
	if _, err := keys.Open(ctx, conf); err != nil {
		t.Fatal(err)
	}
	before, err := st.Keys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !sealedAs(ctx, st, before) {
		t.Error("nothing has changed, but it says so")
	}
	if sealedAs(ctx, unreadable{st}, before) {
		t.Error("what cannot be read is certain")
	}
	if _, err := keys.Rekey(ctx, st, conf.SealingKey, bytes.Repeat([]byte{2}, 32)); err != nil {
		t.Fatal(err)
	}
	if sealedAs(ctx, st, before) {
		t.Error("sealed anew, and it does not say so")
	}
}

// unreadable is a store that has gone away.
type unreadable struct{ keys.Store }

func (unreadable) Keys(context.Context) ([]keys.Record, error) {
	return nil, errors.New("the database is away")
}
