package e2e

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The whole storm, which takes a good ten minutes:
//
//	go test ./cmd/signet/e2e -run RotationStorm -v -timeout 60m -rotations 200 -rotate-every 1s
//
// As it stands, the storm is short, and leaves a machine that is busy with other
// tests a second more to stall in: a verifier that is held up for longer than an
// announcement lasts would refuse a token with good reason.
var (
	rotations   = flag.Int("rotations", 6, "how many rotations each storm of the tests lasts")
	rotateEvery = flag.Duration("rotate-every", 2*time.Second, "how often the keys rotate in a storm")
)

const (
	stormWorkers = 4
	// stormPause is between two tokens of one worker, so that there is
	// processor time left for the servers and the verifiers.
	stormPause = 60 * time.Millisecond
	// lastLook is how long before its exp a token is verified again: any key
	// that leaves the JWKS before its last token has expired is found out.
	lastLook = 2 * time.Second
	// maxFailures ends a storm early: more of them say nothing new.
	maxFailures = 5
)

// TestRotationStorm: keys rotate every second while tokens are issued without
// a break. APIs that cache the JWKS as long as its headers let them verify
// every token, when it is new and shortly before it expires, and refuse none.
func TestRotationStorm(t *testing.T) {
	in := newInstall(t)
	secret := in.prepareStorm()
	cmd, where := in.launch()
	logKeys(t, "the server", cmd)
	s := startStorm(t, where.Issuer, secret)
	s.awaitRotations(*rotations)
	s.end()
}

// prepareStorm writes a configuration in which everything is short, with one
// client, and returns its secret.
func (in *install) prepareStorm() (secret string) {
	in.t.Helper()
	secret = strings.Repeat("storm-", 8)
	if err := os.WriteFile(filepath.Join(in.dir, "job.secret"), []byte(secret), 0o600); err != nil {
		in.t.Fatal(err)
	}
	config := fmt.Sprintf(`data_dir: ./data
keys:
  rotate_every: %s
  keep_for: 12s
tokens:
  access_ttl: 6s
  id_ttl: 6s
clients:
  - client_id: job
    client_secret_file: ./job.secret
    audiences: [%s]
`, *rotateEvery, testAPI)
	if err := os.WriteFile(filepath.Join(in.dir, "config.yaml"), []byte(config), 0o600); err != nil {
		in.t.Fatal(err)
	}
	return secret
}

// logKeys shows what a server had to say of its keys, should the test fail.
func logKeys(t testing.TB, who string, cmd *exec.Cmd) {
	log := cmd.Stderr.(*syncBuffer)
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		t.Logf("the log of %s:", who)
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "key") || !strings.Contains(line, "level=INFO") {
				t.Log(strings.TrimSuffix(line, "\n"))
			}
		}
	})
}

// storm issues tokens and has them verified until it ends.
type storm struct {
	t         *testing.T
	issuer    string
	secret    string
	verifiers []cachingVerifier
	watch     *jwksWatch
	started   time.Time
	deadline  time.Time

	stop    chan struct{}
	stopped sync.Once
	workers sync.WaitGroup // issue tokens, and have them verified
	lookers sync.WaitGroup // have them verified again
	again   chan stormToken

	failures atomic.Int64

	mu       sync.Mutex
	kids     []string                  // in the order in which they were seen to sign
	verified map[string]map[string]int // by verifier and kid
	late     int                       // had expired when the answer came
	issued   int
}

func startStorm(t *testing.T, issuer, secret string) *storm {
	t.Helper()
	s := &storm{
		t: t, issuer: issuer, secret: secret, verifiers: cachingVerifiers(t, issuer),
		started: time.Now(), stop: make(chan struct{}), again: make(chan stormToken, 4096),
		verified: map[string]map[string]int{},
	}
	// It bounds a server that has stopped rotating, not one that is slow.
	s.deadline = s.started.Add(2*time.Minute + 10*time.Duration(*rotations)**rotateEvery)
	s.watch = watchJWKS(t, jwksOf(issuer), s.stop)
	for _, v := range s.verifiers {
		s.verified[v.name] = map[string]int{}
	}
	for range stormWorkers {
		s.workers.Go(s.work)
	}
	for range 2 {
		s.lookers.Go(s.lookAgain)
	}
	t.Cleanup(s.halt)
	return s
}

// halt ends the storm and waits for the last look at each token.
func (s *storm) halt() {
	s.stopped.Do(func() {
		close(s.stop)
		s.workers.Wait()
		close(s.again)
		s.lookers.Wait()
		<-s.watch.done
	})
}

// until waits for something that the storm brings about.
func (s *storm) until(what string, done func() bool) {
	s.t.Helper()
	for !done() {
		if s.failures.Load() >= maxFailures {
			s.halt()
			s.t.FailNow()
		}
		if time.Now().After(s.deadline) {
			s.halt()
			s.t.Fatalf("after %s still not: %s", time.Since(s.started).Round(time.Second), what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// awaitRotations waits until so many keys have taken over from another.
func (s *storm) awaitRotations(n int) {
	s.t.Helper()
	s.until(fmt.Sprintf("%d rotations", n), func() bool { return s.rotations() >= n })
}

func (s *storm) rotations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.kids) - 1
}

// work is one client that gets tokens and shows each to every API.
func (s *storm) work() {
	client := &http.Client{Transport: &http.Transport{}} // a connection of its own
	defer client.CloseIdleConnections()
	for {
		token, err := issueToken(client, s.issuer, s.secret)
		if err != nil {
			s.fail("no token: %v", err)
		} else {
			s.record(token)
			s.verify(token, "when it was new")
			s.again <- token
		}
		select {
		case <-s.stop:
			return
		case <-time.After(stormPause):
		}
	}
}

func (s *storm) record(token stormToken) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued++
	if !slices.Contains(s.kids, token.kid) {
		s.kids = append(s.kids, token.kid)
	}
}

// lookAgain verifies tokens a second time, in the order of their issue.
func (s *storm) lookAgain() {
	for token := range s.again {
		time.Sleep(time.Until(token.exp.Add(-lastLook)))
		s.verify(token, "shortly before it expires")
	}
}

// verify shows a token to all verifiers at once. An answer that comes only
// after the token has expired says nothing: the machine was too slow.
func (s *storm) verify(token stormToken, moment string) {
	var all sync.WaitGroup
	for _, v := range s.verifiers {
		all.Go(func() {
			err := v.verify(token.raw)
			if err == nil {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.verified[v.name][token.kid]++
				return
			}
			answered := time.Now()
			if !answered.Before(token.exp) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.late++
				return
			}
			s.fail("%s refused a token %s, at %s: %v\n%s\nJWKS: %s", v.name, moment, clockTime(answered), err, token, s.watch.history(token.kid))
		})
	}
	all.Wait()
}

func (s *storm) fail(format string, args ...any) {
	if s.failures.Add(1) <= maxFailures {
		s.t.Errorf(format, args...)
	}
}

// end halts the storm, checks that it was one, and says how it went.
func (s *storm) end() {
	s.t.Helper()
	s.halt()
	s.watch.check(s.t)
	var counts []string
	for _, v := range s.verifiers {
		by, sum := s.verified[v.name], 0
		for n := range maps.Values(by) {
			sum += n
		}
		counts = append(counts, fmt.Sprintf("%s %d", v.name, sum))
		// A verifier may have been too late for every token of one key.
		if unseen := len(s.kids) - len(by); unseen > len(s.kids)/20 {
			s.t.Errorf("%s has verified no token of %d of the %d keys", v.name, unseen, len(s.kids))
		}
	}
	took := time.Since(s.started)
	s.t.Logf("%d rotations in %s, %d tokens issued (%.0f/s); verified: %s; refused %d, expired before the answer %d; JWKS: %s",
		s.rotations(), took.Round(time.Second/10), s.issued, float64(s.issued)/took.Seconds(), strings.Join(counts, ", "), s.failures.Load(), s.late, s.watch)
}
