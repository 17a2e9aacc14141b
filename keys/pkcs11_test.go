package keys

import (
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ThalesGroup/crypto11"
)

// pkcs11Backend holds keys in a PKCS #11 token. It is all that it takes: the
// ring needs no change, and a server that has none carries none of it.
type pkcs11Backend struct{ token *crypto11.Context }

func (pkcs11Backend) Name() string { return "pkcs11" }

// Generate makes a key pair that the token will not give away. Its reference is
// the object's CKA_ID.
func (p pkcs11Backend) Generate(_ context.Context, alg string, rsaBits int) ([]byte, error) {
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return nil, err
	}
	var err error
	switch alg {
	case "RS256", "PS256":
		_, err = p.token.GenerateRSAKeyPair(id, rsaBits)
	case "ES256":
		_, err = p.token.GenerateECDSAKeyPair(id, elliptic.P256())
	default:
		err = fmt.Errorf("this token has no keys for %s", alg)
	}
	return id, err
}

func (p pkcs11Backend) Open(_ context.Context, ref []byte) (crypto.Signer, error) {
	key, err := p.token.FindKeyPair(ref, nil)
	if key == nil && err == nil {
		err = errors.New("the token has no such key")
	}
	return key, err
}

// softHSM opens a new SoftHSM token, which is what a hardware one is to
// software.
func softHSM(t *testing.T) pkcs11Backend {
	t.Helper()
	var module string
	for _, path := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so"} {
		if _, err := os.Stat(path); err == nil {
			module = path
		}
	}
	util, err := exec.LookPath("softhsm2-util")
	if module == "" || err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no SoftHSM here (Debian: softhsm2)")
		}
		t.Skip("no SoftHSM here (Debian: softhsm2): keys in a PKCS #11 token are NOT tested")
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	if out, err := exec.Command(util, "--init-token", "--free", "--label", "signet", "--so-pin", "12345678", "--pin", "1234").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	token, err := crypto11.Configure(&crypto11.Config{Path: module, TokenLabel: "signet", Pin: "1234", MaxSessions: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := token.Close(); err != nil {
			t.Error(err)
		}
	})
	return pkcs11Backend{token}
}

// TestKeysInAPKCS11Token: the ring signs, rotates and opens again with private
// keys that it never sees.
func TestKeysInAPKCS11Token(t *testing.T) {
	token := softHSM(t)
	b := newBench(t)
	first := signerKID(t, b.mustOpen()) // made in memory, before there was a token

	cfg := b.config()
	cfg.Backend, cfg.Algorithms = token, []string{"RS256", "PS256", "ES256"}
	r, err := b.open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got := signerKID(t, r); got != first {
		t.Errorf("the key made in memory does not sign any more; %s does", got)
	}
	b.clock.advance(cfg.RotateEvery - cfg.AnnounceFor)
	if err := r.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.clock.advance(cfg.AnnounceFor)

	reopened, err := b.open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*Ring{r, reopened} {
		var signing sync.WaitGroup
		for _, alg := range cfg.Algorithms {
			for range 4 {
				signing.Go(func() {
					signed, err := r.Sign(alg, "at+jwt", []byte(`{"sub":"ada"}`))
					if err != nil {
						t.Errorf("%s: %v", alg, err)
						return
					}
					got, err := r.Verify(signed)
					if err != nil || got.KID == first {
						t.Errorf("%s: %+v, %v", alg, got, err)
					}
					if !checkWithStdlib(alg, r.current().published[got.KID].public.Key, signed) {
						t.Errorf("%s: the standard library refuses %s", alg, signed)
					}
				})
			}
		}
		signing.Wait()
	}
	s, err := newSealer(testSealingKey, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range b.store.records {
		if rec.KID == first {
			continue
		}
		if ref, err := s.unseal(rec.KID, rec.Sealed); err != nil || len(ref) != len("pkcs11:")+16 {
			t.Errorf("what is sealed for a key in the token is %q, %v", ref, err)
		}
	}

	t.Run("without the token", func(t *testing.T) {
		cfg := cfg
		cfg.Backend = nil
		before := b.store.count()
		_, err := b.open(cfg)
		if err == nil || !strings.Contains(err.Error(), `it is held by "pkcs11", which this server does not use`) || b.store.count() != before {
			t.Errorf("opened without the token its keys are in: %v", err)
		}
	})
}
