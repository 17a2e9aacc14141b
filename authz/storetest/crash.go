package storetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// CrashingPostgres is a Postgres for one test, which writes everything through
// to the disk and can be killed.
type CrashingPostgres struct {
	// URL is that of its one database.
	URL string

	t       testing.TB
	cluster *cluster
	server  *exec.Cmd
	// ended is closed when the server has.
	ended <-chan struct{}
}

// NewCrashingPostgres starts one. Where there is no Postgres the test is
// skipped, and fails in CI.
func NewCrashingPostgres(t testing.TB) *CrashingPostgres {
	t.Helper()
	c, err := newCluster()
	require(t, err)
	p := &CrashingPostgres{URL: c.url, t: t, cluster: c}
	t.Cleanup(func() {
		p.kill()
		os.RemoveAll(c.dir)
	})
	p.start()
	return p
}

// Crash kills the server with -9 and starts it again, which recovers what was
// committed.
func (p *CrashingPostgres) Crash() {
	p.t.Helper()
	p.kill()
	p.start()
}

func (p *CrashingPostgres) kill() {
	_ = p.server.Process.Kill()
	<-p.ended
}

// start starts the server. One that was killed leaves processes that need a
// moment to notice, and while they are there it does not start.
func (p *CrashingPostgres) start() {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); !p.tryStart(); {
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(p.log())
			p.t.Fatalf("Postgres does not start:\n%s", said)
		}
	}
}

func (p *CrashingPostgres) log() string { return filepath.Join(p.cluster.dir, "log") }

// tryStart starts the server, and returns false when it ends before it answers.
func (p *CrashingPostgres) tryStart() bool {
	p.t.Helper()
	log, err := os.OpenFile(p.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	p.server = exec.Command(p.cluster.program, p.cluster.args()...)
	p.server.Dir, p.server.SysProcAttr = p.cluster.dir, p.cluster.who.attributes()
	p.server.Stdout, p.server.Stderr = log, log
	if err := p.server.Start(); err != nil {
		p.t.Fatal(err)
	}
	server, ended := p.server, make(chan struct{})
	p.ended = ended
	go func() {
		_ = server.Wait()
		close(ended)
	}()
	for {
		if pings(p.URL) == nil {
			return true
		}
		select {
		case <-ended:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
}
