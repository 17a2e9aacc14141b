package clients

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// useLog keeps what it is told, and fails when it is asked to.
type useLog struct {
	UseStore
	batches [][]Use
	err     error
}

func (l *useLog) SaveClientUses(_ context.Context, uses []Use) error {
	if l.err == nil {
		l.batches = append(l.batches, uses)
	}
	return l.err
}

func TestUsesAreWrittenOnceAnHour(t *testing.T) {
	r, log := NewUseRecorder(), &useLog{}
	flush := func(at string, want ...Use) {
		t.Helper()
		log.batches = nil
		if err := r.Flush(t.Context(), log); err != nil {
			t.Fatal(err)
		}
		if got := slices.Concat(log.batches...); !slices.Equal(got, want) {
			t.Errorf("%s: wrote %v, want %v", at, got, want)
		}
	}
	flush("nothing used")
	r.Note("a", "c0ffee", noon)
	r.Note("a", "", noon.Add(time.Second))
	r.Note("b", "", noon)
	flush("the first time", Use{"a", "", noon.Add(time.Second)}, Use{"a", "c0ffee", noon}, Use{"b", "", noon})
	flush("nothing since")
	r.Note("a", "c0ffee", noon.Add(UseResolution-time.Nanosecond))
	flush("within the hour")
	r.Note("a", "c0ffee", noon.Add(UseResolution))
	flush("an hour later", Use{"a", "c0ffee", noon.Add(UseResolution)})

	log.err = errors.New("down")
	r.Note("b", "", noon.Add(2*UseResolution))
	if err := r.Flush(t.Context(), log); !errors.Is(err, log.err) {
		t.Errorf("got %v", err)
	}
	log.err = nil
	flush("after a failure", Use{"b", "", noon.Add(2 * UseResolution)})
}

func TestUsesOfManyAtOnce(t *testing.T) {
	r, log := NewUseRecorder(), &useLog{}
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			for i := range maxUseFlush + 10 {
				r.Note(string(rune('a'+i%26))+string(rune(i)), "", noon)
			}
		})
	}
	done.Wait()
	for range 3 {
		if err := r.Flush(t.Context(), log); err != nil {
			t.Fatal(err)
		}
	}
	if len(log.batches) != 2 || len(log.batches[0]) != maxUseFlush {
		t.Errorf("%d batches", len(log.batches))
	}
}

func TestWhichSecretWasUsed(t *testing.T) {
	weak, err := HashSecret(nil, "weak-secret", noon)
	if err != nil {
		t.Fatal(err)
	}
	newer, older := Secret{Hash: sha256Hash("newer")}, Secret{Hash: sha256Hash("older"), ExpiresAt: noon.Add(time.Hour)}
	c := Client{Secrets: []Secret{newer, older}}
	for plain, want := range map[string]Secret{"newer": newer, "older": older} {
		if got, _ := c.MatchSecret(plain, noon); got != want.Fingerprint() || len(got) != 12 {
			t.Errorf("%s: got %q", plain, got)
		}
	}
	if got, _ := c.MatchSecret("newer", noon.Add(2*time.Hour)); got != newer.Fingerprint() {
		t.Errorf("with one left: got %q", got)
	}
	c.Secrets = []Secret{newer, weak}
	if got, _ := c.MatchSecret("weak-secret", noon); got != weak.Fingerprint() || got == "" {
		t.Errorf("a weak one: got %q", got)
	}
	if got, _ := (&Client{}).MatchSecret("x", noon); got != "" {
		t.Errorf("none: got %q", got)
	}
}
