package server

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"signet/authz/store"
	"signet/cmd/signet/config"
)

// openSecret reads a secret of 32 bytes. One that config.yaml leaves to the
// default is made on the first run: never when the database already holds
// signing keys, because then it has been lost, and a new one in its place
// would silently end every token.
func openSecret(ctx context.Context, st *store.Store, named, fallback, what string) ([]byte, error) {
	path := named
	if path == "" {
		path = fallback
	}
	secret, err := readSecret(path, what)
	switch {
	case errors.Is(err, fs.ErrNotExist) && named == "":
		records, err := st.Keys(ctx)
		if err != nil {
			return nil, err
		}
		if len(records) > 0 {
			return nil, fmt.Errorf("the %s %s is missing, but the database was made with one: put it back from your backup", what, path)
		}
		secret, _, err = makeSecret(path, what)
		return secret, err
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the %s %s does not exist: create it with 32 random bytes (head -c 32 /dev/urandom), or leave its setting out", what, path)
	}
	return secret, err
}

// NewSealingKey returns the sealing key in a file, which it makes if it is not
// there.
func NewSealingKey(path string) (secret []byte, made bool, err error) {
	const what = "new sealing key"
	if secret, err = readSecret(path, what); errors.Is(err, fs.ErrNotExist) {
		return makeSecret(path, what)
	}
	return secret, false, err
}

// readSecret reads a secret of 32 bytes.
func readSecret(path, what string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the %s: %w", what, err)
	}
	secret, err := config.ParseSecret(content)
	if err != nil {
		return nil, fmt.Errorf("the %s %s %w", what, path, err)
	}
	return secret, nil
}

// makeSecret writes a new secret, 0600 in a folder of 0700, so that it is there
// after a loss of power too. Two processes may do so at once: the file appears
// whole, and the first one wins.
func makeSecret(path, what string) (made []byte, isNew bool, err error) {
	fail := func(err error) ([]byte, bool, error) {
		return nil, false, fmt.Errorf("cannot make the %s: %w", what, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fail(err)
	}
	secret := make([]byte, config.SecretBytes)
	if _, err := rand.Read(secret); err != nil {
		return fail(err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return fail(err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(secret)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return fail(err)
	}
	switch err := os.Link(tmp.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		made, err := readSecret(path, what) // as another process has just made it
		return made, false, err
	case err != nil:
		return fail(err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fail(errors.Join(err, os.Remove(path)))
	}
	return secret, true, nil
}

// syncFolder has the names in a folder outlive a loss of power, on the file
// systems that can.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	err = folder.Sync()
	if errors.Is(err, syscall.EINVAL) {
		err = nil
	}
	return errors.Join(err, folder.Close())
}

// openServerKey returns the secret that authenticates codes, refresh tokens
// and cookies, on condition that it is the one this database was made with.
func openServerKey(ctx context.Context, cfg *config.Config, st *store.Store) ([]byte, error) {
	key, err := openSecret(ctx, st, cfg.ServerKeyFile, filepath.Join(cfg.DataDir, "secrets", "server.key"), "server key")
	if err != nil {
		return nil, err
	}
	print, err := derive(key, "fingerprint")
	if err != nil {
		return nil, err
	}
	same, err := st.Fingerprint(ctx, "server_key", print)
	if err != nil {
		return nil, err
	}
	if !same {
		return nil, errors.New("the server key is not the one this database was made with: put the right server.key back, or point database at the right one")
	}
	return key, nil
}

// derive makes a key for one purpose out of the server key.
func derive(key []byte, purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, key, nil, "signet "+purpose, config.SecretBytes)
}
