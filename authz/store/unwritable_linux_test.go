package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"signet/authz/store"
)

// asNobody runs do without the rights of root, to whom no folder is
// unwritable. The identity for files belongs to the thread, which ends with
// its goroutine.
func asNobody(t *testing.T, do func() error) error {
	t.Helper()
	outcome := make(chan error)
	go func() {
		runtime.LockOSThread()
		if os.Geteuid() == 0 {
			if err := errors.Join(syscall.Setfsgid(65534), syscall.Setfsuid(65534)); err != nil {
				outcome <- err
				return
			}
		}
		outcome <- do()
	}()
	return <-outcome
}

func TestUnwritableFoldersAndFilesSayWhatToDo(t *testing.T) {
	base, err := os.MkdirTemp("", "signet-unwritable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	locked := filepath.Join(base, "locked")
	if err := errors.Join(os.Chmod(base, 0o755), os.Mkdir(locked, 0o555)); err != nil {
		t.Fatal(err)
	}
	readOnly := filepath.Join(base, "read-only.db")
	s, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + readOnly})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), os.Chmod(readOnly, 0o444), os.Chmod(base, 0o555)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(base, 0o700) })

	for path, says := range map[string][]string{
		filepath.Join(locked, "signet.db"):      {"cannot make", "permission denied", "let this user write to the folder " + locked},
		filepath.Join(locked, "a", "signet.db"): {"cannot make", "permission denied"},
		readOnly:                                {readOnly, "let this user write to it and to the folder " + base},
	} {
		err := asNobody(t, func() error {
			s, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + path})
			if err == nil {
				return s.Close()
			}
			return err
		})
		oneLine(t, err, says...)
	}
}
