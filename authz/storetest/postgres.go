package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // to make databases
)

// postgresVariable names a Postgres to use for tests: the URL of a role that
// may make databases. Without it the tests start one of their own.
const postgresVariable = "SIGNET_TEST_POSTGRES"

// Postgres returns the URL of a new, empty database, which is dropped when the
// test ends. Where there is no Postgres the test is skipped, and fails in CI.
func Postgres(t testing.TB) string {
	t.Helper()
	return newDatabase(t, postgresServer(t))
}

// PgBouncer is Postgres through pgbouncer in transaction mode, with a pool of
// so few connections that whoever holds two may wait for ever.
func PgBouncer(t testing.TB) string {
	t.Helper()
	server := postgresServer(t)
	pooler, err := pgbouncer()
	require(t, err)
	made, err := url.Parse(newDatabase(t, server))
	if err != nil {
		t.Fatal(err)
	}
	made.Host = pooler
	return made.String()
}

func postgresServer(t testing.TB) string {
	t.Helper()
	server, err := server()
	require(t, err)
	return server
}

// errNotInstalled says that a program is not there.
var errNotInstalled = errors.New("is not installed here")

// require skips the test when a program is missing, and fails it in CI.
func require(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case !errors.Is(err, errNotInstalled) || os.Getenv("CI") != "":
		t.Fatal(err)
	default:
		t.Skipf("%v: this is NOT tested (Debian: apt-get install postgresql pgbouncer, or set %s)", err, postgresVariable)
	}
}

// newDatabase makes a database and returns its URL.
func newDatabase(t testing.TB, server string) string {
	t.Helper()
	name := "signet_test_" + strings.ToLower(rand.Text()[:16])
	run := func(statement string) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		db, err := sql.Open("pgx", server)
		if err != nil {
			return err
		}
		_, err = db.ExecContext(ctx, statement)
		return errors.Join(err, db.Close())
	}
	if err := run("CREATE DATABASE " + name + " ENCODING 'UTF8' TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// FORCE, since a pooler keeps its connections.
		if err := run("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// server is the Postgres of this test process.
var server = sync.OnceValues(func() (string, error) {
	if given := os.Getenv(postgresVariable); given != "" {
		return given, nil
	}
	return startPostgres()
})

// startPostgres starts a Postgres that lives as long as this process, on a
// free port of 127.0.0.1, and returns the URL of its superuser.
func startPostgres() (string, error) {
	c, err := newCluster()
	if err != nil {
		return "", err
	}
	args := c.args("fsync=off", "full_page_writes=off", "synchronous_commit=off") // nothing has to outlive a loss of power
	return c.url, startDaemon(c.dir, c.who, c.program, args, func() error { return answers(c.url) })
}

// cluster is the data of a Postgres server of our own.
type cluster struct {
	dir, program, url, port string
	who                     *identity
}

// newCluster makes a new one, which is not started.
func newCluster() (*cluster, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	dir, who, err := unprivilegedDir("postgres")
	if err != nil {
		return nil, err
	}
	password := rand.Text()
	passwordFile := filepath.Join(dir, "password")
	if err := writeFor(who, passwordFile, password); err != nil {
		return nil, err
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "signet", "--pwfile", passwordFile,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, who.attributes()
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w\n%s", err, out), os.RemoveAll(dir))
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	address := (&url.URL{
		Scheme: "postgres", User: url.UserPassword("signet", password), Host: net.JoinHostPort("127.0.0.1", port),
		Path: "/postgres", RawQuery: "sslmode=disable",
	}).String()
	return &cluster{dir: dir, program: filepath.Join(bin, "postgres"), url: address, port: port, who: who}, nil
}

// args are those that the server is started with.
func (c *cluster) args(settings ...string) []string {
	args := []string{"-D", filepath.Join(c.dir, "data"), "-p", c.port}
	settings = append(settings, "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "shared_buffers=32MB", "deadlock_timeout=100ms")
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args
}

// postgresBin is the folder of the server's programs, which Debian does not
// put into PATH.
func postgresBin() (string, error) {
	candidates, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Reverse(candidates) // the newest first
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		candidates = append(candidates, strings.TrimSpace(string(out)))
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		candidates = append(candidates, filepath.Dir(path))
	}
	for _, dir := range candidates {
		if _, err := exec.LookPath(filepath.Join(dir, "initdb")); err != nil {
			continue
		}
		if _, err := exec.LookPath(filepath.Join(dir, "postgres")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("the server of Postgres %w", errNotInstalled)
}

// pgbouncer starts a pooler before the server and returns its address.
var pgbouncer = sync.OnceValues(func() (string, error) {
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/pgbouncer"); err != nil {
			return "", fmt.Errorf("pgbouncer %w", errNotInstalled)
		}
	}
	upstream, err := server()
	if err != nil {
		return "", err
	}
	u, err := url.Parse(upstream)
	if err != nil {
		return "", err
	}
	dir, who, err := unprivilegedDir("pgbouncer")
	if err != nil {
		return "", err
	}
	password, _ := u.User.Password()
	users, ini := filepath.Join(dir, "users.txt"), filepath.Join(dir, "pgbouncer.ini")
	if err := writeFor(who, users, fmt.Sprintf("%q %q\n", u.User.Username(), password)); err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	serverPort := u.Port()
	if serverPort == "" {
		serverPort = "5432"
	}
	err = writeFor(who, ini, fmt.Sprintf(poolerSettings, u.Hostname(), serverPort, port, users))
	if err != nil {
		return "", err
	}
	through := *u
	through.Host = net.JoinHostPort("127.0.0.1", port)
	return through.Host, startDaemon(dir, who, path, []string{ini}, func() error { return answers(through.String()) })
})

const poolerSettings = `[databases]
* = host=%s port=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = scram-sha-256
auth_file = %s
pool_mode = transaction
default_pool_size = 4
max_client_conn = 500
`

// answers tries to connect until it works.
func answers(u string) (err error) {
	for range 300 {
		if err = pings(u); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// pings asks a server once.
func pings(u string) error {
	db, err := sql.Open("pgx", u)
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return db.PingContext(ctx)
}

func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	return port, errors.Join(err, ln.Close())
}
