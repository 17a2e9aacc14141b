package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"signet/authz/store"
)

// A copy is a database of its own, whatever is written meanwhile.
func TestBackupBesideAWriter(t *testing.T) {
	path := newFile(t)
	s := open(t, path)
	if err := s.CreateGrant(t.Context(), grant("before")); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				if err := s.CreateGrant(t.Context(), grant(fmt.Sprint("beside", n))); err != nil {
					t.Errorf("writing beside a backup: %v", err)
				}
			}
		}
	}()
	to := filepath.Join(t.TempDir(), "it's a copy?mode=memory.db")
	old := syscall.Umask(0)
	err := store.Backup(t.Context(), store.Config{Database: "sqlite:" + path}, to)
	syscall.Umask(old)
	close(stop)
	<-stopped
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(to)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	if _, err := open(t, to).Grant(t.Context(), "before"); err != nil {
		t.Errorf("reading the copy: %v", err)
	}
}

func TestBackupRefuses(t *testing.T) {
	path := newFile(t)
	open(t, path)
	cfg := store.Config{Database: "sqlite:" + path}
	taken := filepath.Join(t.TempDir(), "taken")
	if err := os.WriteFile(taken, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	oneLine(t, store.Backup(t.Context(), cfg, taken), taken, "not overwritten")
	oneLine(t, store.Backup(t.Context(), cfg, path), "not overwritten")
	nowhere := filepath.Join(t.TempDir(), "no", "folder")
	oneLine(t, store.Backup(t.Context(), cfg, nowhere), "no such file or directory")
	missing := store.Config{Database: "sqlite:" + newFile(t)}
	oneLine(t, store.Backup(t.Context(), missing, taken+"2"), "no database")
	if err := store.Backup(t.Context(), store.Config{Database: "postgres://127.0.0.1:1/x"}, taken+"2"); !errors.Is(err, store.ErrNotSQLite) {
		t.Errorf("got %v, want ErrNotSQLite", err)
	}
	if _, err := os.Stat(taken + "2"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a refused backup leaves a file")
	}
}

// Before a database is migrated it is copied as it was, and the log says where.
func TestMigrationIsPrecededByABackup(t *testing.T) {
	path := newFile(t)
	migrateTo(t, path, 1)
	execSQL(t, path, `INSERT INTO fingerprints (name, digest) VALUES ('mark', 'x')`)
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))
	var log bytes.Buffer
	cfg := store.Config{Database: "sqlite:" + path, Now: func() time.Time { return at }, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	all, err := store.Migrations(t.Context(), cfg)
	if err != nil || !all[0].Applied || all[1].Applied {
		t.Fatalf("%+v, %v", all, err)
	}
	copied := fmt.Sprintf("%s.before-v%d-20260304T040607Z", path, len(all))
	for _, want := range []string{copied, copied + "-2", copied + "-3"} {
		s, err := store.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		info, err := os.Stat(want)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("the copy: %v, %v", info, err)
		}
		if !strings.Contains(log.String(), "file="+want) {
			t.Errorf("the log does not name the copy: %s", log.String())
		}
		all, err := store.Migrations(t.Context(), store.Config{Database: "sqlite:" + want})
		if err != nil || !all[0].Applied || all[1].Applied {
			t.Errorf("the copy is not as the database was: %+v, %v", all, err)
		}
		migrateTo(t, path, 1)
	}
	done, err := store.Migrate(t.Context(), cfg)
	if err != nil || done.Backup != copied+"-4" || len(done.Applied) != len(all)-1 {
		t.Errorf("%+v, %v", done, err)
	}
}

// A new database, and one that is up to date, have nothing to lose.
func TestNoBackupWithoutAMigration(t *testing.T) {
	path := newFile(t)
	for range 2 {
		s, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + path})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if found, _ := filepath.Glob(path + ".*"); len(found) > 0 {
		t.Errorf("copies: %v", found)
	}
}

// A database that cannot be copied is not migrated.
func TestNoMigrationWithoutABackup(t *testing.T) {
	path := newFile(t)
	migrateTo(t, path, 1)
	execSQL(t, path, "PRAGMA journal_mode = WAL")
	at := time.Now()
	// A full disk is not to be had; a name that is too long fails like one.
	long := filepath.Join(filepath.Dir(path), strings.Repeat("x", 240))
	if err := os.Rename(path, long); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + long, Now: func() time.Time { return at }})
	oneLine(t, err, "backing it up before its migration")
	all, err := store.Migrations(t.Context(), store.Config{Database: "sqlite:" + long})
	if err != nil || all[1].Applied {
		t.Errorf("it was migrated: %+v, %v", all, err)
	}
}

// Databases on a network are warned of, by what statfs(2) says.
func TestNetworkFileSystems(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for name, magic := range map[string]uint32{"NFS": 0x6969, "SMB": 0xfe534d42, "CIFS": 0xff534d42, "9p": 0x01021997, "FUSE": 0x65735546} {
		log.Reset()
		store.WarnOfFileSystem("/data/signet.db", magic, logger)
		if !regexp.MustCompile(`level=WARN .*\(` + name + `\).*Postgres.* file=/data/signet.db`).MatchString(log.String()) {
			t.Errorf("%s: %q", name, log.String())
		}
	}
	log.Reset()
	for _, local := range []uint32{0xef53, 0x58465342, 0x9123683e, 0x2fc12fc1, 0x01021994, 0x794c7630, 0} { // ext4, XFS, Btrfs, ZFS, tmpfs, overlay
		store.WarnOfFileSystem("/data/signet.db", local, logger)
	}
	if log.Len() > 0 {
		t.Errorf("warned of a local disk: %s", log.String())
	}
}
