package store_test

import (
	"database/sql"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"signet/authz/store"
	"signet/keys"
)

// migrateTo brings the database at path to a version, up or down, as a release
// that knows no more would have it.
func migrateTo(t *testing.T, path string, version int64) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	m, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("migrations/sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	now, err := m.GetDBVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	move := m.UpTo
	if now > version {
		move = m.DownTo
	}
	if _, err := move(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

// storedKeys opens the database, which migrates it, and closes it again.
func storedKeys(t *testing.T, path string) []keys.Record {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + path})
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Keys(t.Context())
	if err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return all
}

// Grants of the release before, whose rows know no status indexes, are revoked
// like others; and what it does beside the next one leaves the indexes alone.
func TestGrantsOutliveTheUpgradeFromVersion2(t *testing.T) {
	path := newFile(t)
	migrateTo(t, path, 2)
	execSQL(t, path, `INSERT INTO grants (id, client_id, subject, session_id, generation, revoked_reason, payload)
		VALUES ('old', 'app', 'ann', '', 1, '', '{}')`)
	s := open(t, path)
	g, err := s.Grant(t.Context(), "old")
	if err != nil || g.Live != nil || g.Generation != 1 {
		t.Errorf("after the upgrade: %+v, %v", g, err)
	}
	if err := s.Rotate(t.Context(), "old", 1, spent(2)); err != nil {
		t.Fatal(err)
	}
	execSQL(t, path, "UPDATE grants SET generation = 3, rotated_at = 1, expires_at = 2 WHERE id = 'old' AND generation = 2 AND revoked_at IS NULL")
	if err := s.RevokeGrant(t.Context(), "old", time.Now(), "stolen"); err != nil {
		t.Fatal(err)
	}
	if marked, err := s.RevokedIndexes(t.Context(), "a list"); err != nil || len(marked) != 1 {
		t.Errorf("%v are marked, %v", marked, err)
	}
}

// Keys that the first release made sign on after an upgrade; so do those that
// it makes beside the next one, and after the way back.
func TestKeysOutliveTheUpgradeFromVersion1(t *testing.T) {
	const insert = `INSERT INTO signing_keys
		(kid, algorithm, generation, public_jwk, sealed, announced_at, active_at, retired_at, removed_at) VALUES `
	at := func(us int64) time.Time { return time.UnixMicro(us).UTC() }
	first := keys.Record{
		KID: "first", Algorithm: "RS256", Generation: 1, PublicJWK: []byte(`{"kty":"RSA"}`), Sealed: []byte{0, 0xff, 1},
		AnnouncedAt: at(1), ActiveAt: at(2), RetiredAt: at(3), RemovedAt: at(4),
	}
	beside := keys.Record{
		KID: "beside", Algorithm: "RS256", Generation: 2, PublicJWK: []byte(`{}`), Sealed: []byte{2}, AnnouncedAt: at(5),
	}
	path := newFile(t)
	migrateTo(t, path, 1)
	execSQL(t, path, insert+`('first', 'RS256', 1, CAST('{"kty":"RSA"}' AS BLOB), x'00ff01', 1, 2, 3, 4)`)
	if all, want := storedKeys(t, path), []keys.Record{first}; !reflect.DeepEqual(all, want) {
		t.Errorf("after the upgrade:\n got %+v\nwant %+v", all, want)
	}
	execSQL(t, path, insert+`('beside', 'RS256', 2, CAST('{}' AS BLOB), x'02', 5, NULL, NULL, NULL)`)
	if all, want := storedKeys(t, path), []keys.Record{first, beside}; !reflect.DeepEqual(all, want) {
		t.Errorf("with a key of the release before:\n got %+v\nwant %+v", all, want)
	}
	migrateTo(t, path, 1)
	if all, want := storedKeys(t, path), []keys.Record{first, beside}; !reflect.DeepEqual(all, want) {
		t.Errorf("after the way back and a second upgrade:\n got %+v\nwant %+v", all, want)
	}
}
