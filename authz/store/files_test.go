package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"signet/authz/store"
)

func modes(t *testing.T, path string) map[string]os.FileMode {
	t.Helper()
	found := map[string]os.FileMode{}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		found["signet.db"+suffix] = info.Mode().Perm()
	}
	return found
}

func TestFilesBelongToTheirOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "data", "signet.db")
	s := open(t, path)
	if err := s.CreateGrant(t.Context(), grant("g")); err != nil {
		t.Fatal(err)
	}
	for name, mode := range modes(t, path) {
		if mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", name, mode)
		}
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder that was made has mode %v (%v), want 700", info.Mode(), err)
	}
}

func TestWideModesAreTightenedAndLogged(t *testing.T) {
	path := newFile(t)
	s, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + path})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s, err = store.Open(t.Context(), store.Config{
		Database: "sqlite:" + path, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, mode := range modes(t, path) {
		if mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", name, mode)
		}
	}
	if !strings.Contains(log.String(), "0600") {
		t.Errorf("the log does not say so: %s", log.String())
	}
}

func TestAnyUmaskLeavesTheOwnerInAndOthersOut(t *testing.T) {
	for _, mask := range []int{0, 0o777} {
		folder := t.TempDir()
		old := syscall.Umask(mask)
		s, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + filepath.Join(folder, "signet.db")})
		syscall.Umask(old)
		if err != nil {
			t.Fatalf("umask %o: %v", mask, err)
		}
		for name, mode := range modes(t, filepath.Join(folder, "signet.db")) {
			if mode != 0o600 {
				t.Errorf("umask %o: %s has mode %o, want 600", mask, name, mode)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// execSQL runs SQL on a database file beside the store.
func execSQL(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// snapshot is every file of a folder with its content.
func snapshot(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s %v %q\n", e.Name(), info.Mode(), content)
	}
	return all.String()
}

func TestDatabaseOfANewerReleaseIsLeftAlone(t *testing.T) {
	for name, statements := range map[string][]string{
		"WAL":                     {},
		"without write-ahead log": {"PRAGMA journal_mode = DELETE"},
	} {
		t.Run(name, func(t *testing.T) {
			path := newFile(t)
			s, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + path})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			execSQL(t, path, append(statements, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (4711, 1)")...)
			before := snapshot(t, filepath.Dir(path))
			_, err = store.Open(t.Context(), store.Config{Database: "sqlite:" + path})
			if !errors.Is(err, store.ErrNewer) {
				t.Fatalf("got %v, want ErrNewer", err)
			}
			oneLine(t, err, path, "4711", "knows 7", "newer release", "restore")
			if after := snapshot(t, filepath.Dir(path)); after != before {
				t.Error("the database or its folder was changed")
			}
		})
	}
}

// oneLine fails unless err is one line that holds every part.
func oneLine(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestWhatIsNoSignetDatabaseIsRefusedAndLeftAlone(t *testing.T) {
	write := func(content string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		says []string
	}{
		"text":      {write(strings.Repeat("dear diary\n", 1000)), []string{"not a database", "name another file"}},
		"few bytes": {write("x"), []string{"name another file"}},
		"damaged": {write("SQLite format 3\x00" + strings.Repeat("\xff", 5000)),
			[]string{"not a database", "restore a backup"}},
		"database of another program": {
			func(t *testing.T, path string) { execSQL(t, path, "CREATE TABLE bookmarks (url TEXT)") },
			[]string{"another program", "name another file"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := newFile(t)
			c.make(t, path)
			before := snapshot(t, filepath.Dir(path))
			_, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + path})
			oneLine(t, err, append(c.says, path)...)
			if after := snapshot(t, filepath.Dir(path)); after != before {
				t.Errorf("it was changed from\n%.300s\nto\n%.300s", before, after)
			}
		})
	}
}

func TestUnusablePathsSayWhatToDo(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for database, says := range map[string][]string{
		"sqlite:" + folder:                    {folder, "is a folder", "signet.db"},
		"sqlite:" + filepath.Join(file, "db"): {file, "cannot make", "not a directory", "let this user write"},
		"sqlite:/dev/null":                    {"not a regular file"},
		"sqlite:":                             {"needs a file", "sqlite:PATH"},
		"sqlite::memory:":                     {"needs a file"},
		"":                                    {"sqlite:PATH"},
		"mysql://root:hunter2@db/x":           {`"mysql"`, "sqlite:PATH"},
	} {
		_, err := store.Open(t.Context(), store.Config{Database: database})
		oneLine(t, err, says...)
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
}

// A path is a path, whatever SQLite would read in it as a URI.
func TestStrangePathsAreTakenLiterally(t *testing.T) {
	for _, name := range []string{"a b.db", "q?mode=memory.db", "50%41.db", "#1.db", "日本.db", "_txlock=deferred&x.db"} {
		path := filepath.Join(t.TempDir(), name)
		s := open(t, path)
		if err := s.CreateGrant(t.Context(), grant("g")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Grant(t.Context(), "g"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}
