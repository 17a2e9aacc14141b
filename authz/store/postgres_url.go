package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// IsPostgres reports whether database is the URL of a Postgres database.
func IsPostgres(database string) bool {
	_, ok := postgresRest(database)
	return ok
}

// postgresRest is what follows the scheme.
func postgresRest(database string) (rest string, ok bool) {
	for _, scheme := range []string{"postgres://", "postgresql://"} {
		if rest, ok := strings.CutPrefix(database, scheme); ok {
			return rest, true
		}
	}
	return "", false
}

// WithoutPassword is database as it may be shown: of a Postgres URL, the user,
// the hosts and the name alone.
func WithoutPassword(database string) string {
	rest, ok := postgresRest(database)
	if !ok {
		return database
	}
	authority, after := divide(rest)
	path, _, _ := strings.Cut(after, "?")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, _, _ := strings.Cut(authority[:at], ":")
		authority = user + authority[at:]
	}
	return "postgres://" + authority + path
}

// divide parts a URL, without its scheme, where user and hosts end.
func divide(rest string) (authority, after string) {
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		return rest[:end], rest[end:]
	}
	return rest, ""
}

// CheckPostgres checks the URL of a Postgres database without connecting. Its
// error reads on from the name of the setting, and neither that nor the
// warning, which may be empty, shows a password.
func CheckPostgres(database string) (warning string, err error) {
	conf, err := parsePostgres(database)
	if err != nil {
		return "", err
	}
	for _, hop := range append([]*pgconn.FallbackConfig{{Host: conf.Host, TLSConfig: conf.TLSConfig}}, conf.Fallbacks...) {
		if !proven(hop) {
			return fmt.Sprintf("whoever stands between this server and %s can read and change what goes to the database: "+
				"add sslmode=verify-full to its URL", hop.Host), nil
		}
	}
	return "", nil
}

// proven reports whether nobody can stand between us and a server: it is on
// this machine, or shows a certificate that is verified.
func proven(hop *pgconn.FallbackConfig) bool {
	if strings.HasPrefix(hop.Host, "/") || hop.Host == "localhost" || net.ParseIP(hop.Host).IsLoopback() {
		return true
	}
	// verify-ca turns Go's own check off and brings another.
	return hop.TLSConfig != nil && (!hop.TLSConfig.InsecureSkipVerify || hop.TLSConfig.VerifyPeerCertificate != nil)
}

// parsePostgres reads a URL. pgx adds what the environment says (PGSSLMODE,
// PGPASSFILE and so on), as every Postgres client does.
func parsePostgres(database string) (*pgx.ConnConfig, error) {
	rest, _ := postgresRest(database)
	_, after := divide(rest)
	// A password with these characters in it, as they are, ends the authority
	// early. Its other half would be taken for a name, and shown in errors.
	if strings.ContainsAny(after, "@#") {
		return nil, errors.New(`is no URL: write @ : / ? # % and spaces in the user, the password and the name as %40 %3A %2F %3F %23 %25 %20`)
	}
	conf, err := pgx.ParseConfig(database)
	if err != nil {
		return nil, fmt.Errorf("cannot be read (%s): write it like postgres://USER:PASSWORD@HOST:5432/NAME?sslmode=verify-full, "+
			"with special characters in the password percent-encoded", parseFault(database, err))
	}
	if path, _, _ := strings.Cut(after, "?"); strings.Trim(path, "/") == "" {
		return nil, errors.New("names no database: write it like postgres://USER:PASSWORD@HOST:5432/NAME")
	}
	if conf.ConnectTimeout == 0 || !strings.Contains(after, "connect_timeout=") {
		conf.ConnectTimeout = connectTimeout
	}
	if conf.RuntimeParams["application_name"] == "" {
		conf.RuntimeParams["application_name"] = "signet"
	}
	return conf, nil
}

// parseFault is why pgx could not read a URL, or nothing where that could show
// a part of a password.
func parseFault(database string, err error) string {
	const unknown = "it is no URL"
	if _, urlErr := url.Parse(database); urlErr != nil {
		return unknown // the text quotes what it could not divide
	}
	text := err.Error()
	text = text[strings.LastIndex(text, "`: ")+1:]
	text = strings.TrimPrefix(text, ": ")
	if strings.Contains(text, "://") {
		return unknown
	}
	return text
}

// explain names the database and says what an operator can do, on one line.
func (p *postgresDB) explain(err error) error {
	if err == nil {
		return nil
	}
	where := p.conf.Host
	if !strings.HasPrefix(where, "/") {
		where = net.JoinHostPort(p.conf.Host, fmt.Sprint(p.conf.Port))
	}
	return fmt.Errorf("cannot use the Postgres database %q at %s: %w%s", p.conf.Database, where, oneLineError{err}, p.mend(err))
}

// mend is what an operator can do about err.
func (p *postgresDB) mend(err error) string {
	user := p.conf.User
	var dial *net.OpError
	var dns *net.DNSError
	state := sqlState(err)
	class := state[:min(2, len(state))]
	switch {
	case class == "28": // invalid authorization
		return "; check the user and the password in database, and pg_hba.conf"
	case state == "3D000": // invalid_catalog_name
		return fmt.Sprintf("; create it: CREATE DATABASE %q OWNER %q", p.conf.Database, user)
	case state == "42501": // insufficient_privilege
		return fmt.Sprintf("; make %q the owner of the database, or run \"signet migrate up\" as its owner and let %[1]q use the tables", user)
	case state == "53300": // too_many_connections
		return "; lower database_pool.max_open, or raise max_connections of the server"
	case state == "55P03" || state == "57014": // lock_not_available, query_canceled
		return "; something else holds it: find out what in pg_stat_activity, and try again"
	case class == "57" || class == "08": // operator intervention, connection exceptions
		return "; see the log of the server, or of the pooler, and try again"
	case errors.As(err, &dns), errors.As(err, &dial), errors.Is(err, context.DeadlineExceeded):
		return "; check that it runs, and host and port in database"
	}
	return ""
}

// oneLineError shows an error of several lines as one.
type oneLineError struct{ error }

// Error joins the lines.
func (e oneLineError) Error() string {
	return cmp.Or(strings.Join(strings.Fields(e.error.Error()), " "), "unknown error")
}

// Unwrap returns the error as it was.
func (e oneLineError) Unwrap() error { return e.error }
