package config

import (
	"net/netip"
	"time"

	"signet/authz/store"
)

// What Config.Migrate can be.
const (
	MigrateAuto   = "auto"
	MigrateManual = "manual"
)

// Config is everything that an operator can set. The tag of a field is its key
// in config.yaml; the key's path in capitals, with SIGNET_ before it, is its
// environment variable. The shipped config.yaml explains each key to
// operators, and a test holds the two together.
type Config struct {
	// Issuer is the public URL of this server (RFC 8414, section 2), and the
	// `iss` of every token: never taken from a request.
	Issuer string `config:"issuer"`
	// Listen is the host:port that the server binds.
	Listen string `config:"listen"`
	// DataDir holds the database and the secrets. A relative path in
	// config.yaml starts from the folder of config.yaml, one in the
	// environment from the working directory; so it is with every path here.
	DataDir string `config:"data_dir,path"`
	// Database is "sqlite:PATH" or the URL of a Postgres database; signet.db in
	// DataDir when left out. It can hold a password: see store.WithoutPassword.
	Database string `config:"database,database"`
	// DatabasePool bounds the connections to Postgres.
	DatabasePool DatabasePool `config:"database_pool"`
	// Migrate is auto, or manual: then nothing but `signet migrate up` changes
	// the schema.
	Migrate string `config:"migrate"`
	// ServerKeyFile holds the 32 bytes that authenticate codes, refresh tokens
	// and cookies. Empty, it is secrets/server.key in DataDir and made on the
	// first run; a file that is named here must exist.
	ServerKeyFile string `config:"server_key_file,path"`
	// TrustedProxies are the addresses whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix `config:"trusted_proxies"`

	TLS         TLS         `config:"tls"`
	Log         Log         `config:"log"`
	Tokens      Tokens      `config:"tokens"`
	Refresh     Refresh     `config:"refresh"`
	Session     Session     `config:"session"`
	Interaction Interaction `config:"interaction"`
	Keys        Keys        `config:"keys"`
	Passwords   Passwords   `config:"passwords"`
	Sweep       Sweep       `config:"sweep"`
	Fetch       Fetch       `config:"fetch"`
	// Registration is for clients that introduce themselves.
	Registration Registration `config:"registration"`
	// ClientDocuments is for clients whose client_id is the URL of their metadata.
	ClientDocuments ClientDocuments `config:"client_documents"`
	// ForwardAuth is for sites that a proxy guards.
	ForwardAuth ForwardAuth `config:"forward_auth"`
	Branding    Branding    `config:"branding"`
	Admin       Admin       `config:"admin"`

	// Scopes maps each scope of the operator's own to the words that the
	// consent page shows for it.
	Scopes map[string]string `config:"scopes"`
	// Clients are the declared clients. DeclaredClients turns them into what
	// the rest of the server works with.
	Clients []Client `config:"clients"`

	// File is where the configuration was read from, and Warnings are what
	// works but is probably not meant, one line each.
	File     string   `config:"-"`
	Warnings []string `config:"-"`
}

// DatabasePool bounds the connections to Postgres; SQLite needs no setting.
type DatabasePool struct {
	// MaxOpen is how many connections one process opens at most.
	MaxOpen int `config:"max_open"`
}

// TLS is the server's own certificate: both files or none, in PEM.
type TLS struct {
	CertFile string `config:"cert_file,path"`
	KeyFile  string `config:"key_file,path"`
}

// Log says what is logged, and how.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `config:"level"`
	// Format is json or text.
	Format string `config:"format"`
}

// Tokens holds the lifetimes of what is not renewed.
type Tokens struct {
	AccessTTL time.Duration `config:"access_ttl"`
	IDTTL     time.Duration `config:"id_ttl"`
	// CodeTTL is that of an authorization code: ten minutes at the very most
	// (RFC 6749, section 4.1.2).
	CodeTTL time.Duration `config:"code_ttl"`
	// StatusTTL is how long resource servers may keep a status list.
	StatusTTL time.Duration `config:"status_ttl"`
}

// Refresh holds the rules for refresh tokens.
type Refresh struct {
	// IdleTTL ends a grant that was not refreshed for so long.
	IdleTTL time.Duration `config:"idle_ttl"`
	// AbsoluteTTL ends it in any case.
	AbsoluteTTL time.Duration `config:"absolute_ttl"`
	// Grace is how long a spent refresh token is answered with its successor
	// again, for retries and parallel tabs. Zero turns that off.
	Grace time.Duration `config:"grace"`
}

// Session holds the rules for sign-in sessions.
type Session struct {
	// Lifetime ends a session in any case, and Idle one that was not used for so
	// long.
	Lifetime time.Duration `config:"lifetime"`
	Idle     time.Duration `config:"idle"`
	// RememberLifetime and RememberIdle are the same for those who ask to be
	// kept signed in; a RememberLifetime of zero lets nobody ask.
	RememberLifetime time.Duration `config:"remember_lifetime"`
	RememberIdle     time.Duration `config:"remember_idle"`
}

// Interaction holds the rules for requests that wait for a person.
type Interaction struct {
	Lifetime time.Duration `config:"lifetime"`
}

// Keys holds the rules for signing keys.
type Keys struct {
	// Algorithms are the JWS algorithms (RFC 7518, section 3.1) that tokens are
	// signed with, each by keys of its own. RS256 is the default of clients
	// that name none; without it, the first.
	Algorithms []string `config:"algorithms"`
	// RSABits is the size of new RSA keys: 2048, 3072 or 4096.
	RSABits int `config:"rsa_bits"`
	// RotateEvery is how long one key signs before the next takes over.
	RotateEvery time.Duration `config:"rotate_every"`
	// AnnounceFor is how long a key is published before it signs, and KeepFor
	// how long after; derived when 0. KeySchedule has what becomes of them.
	AnnounceFor time.Duration `config:"announce_for"`
	KeepFor     time.Duration `config:"keep_for"`
	// SealingKeyFile holds the 32 bytes that seal private keys in the
	// database. Empty, it is secrets/sealing.key in DataDir and made on the
	// first run; a file that is named here must exist.
	SealingKeyFile string `config:"sealing_key_file,path"`
	// SealingKey is the same 32 bytes as text, for those who keep secrets in
	// the environment.
	SealingKey string `config:"sealing_key"`
}

// Passwords holds the cost of checking people's passwords.
type Passwords struct {
	// Concurrency bounds how many are hashed at once; zero is one for each
	// processor.
	Concurrency int `config:"concurrency"`
}

// Sweep holds the rules for removing what has expired.
type Sweep struct {
	// Every is how often; 0 turns it off.
	Every time.Duration `config:"every"`
}

// Branding is what people see of the operator.
type Branding struct {
	Name string `config:"name"`
}

// Default returns the configuration of an empty config.yaml, but for Database,
// which Load derives from DataDir.
func Default() *Config {
	return &Config{
		Issuer:          "http://127.0.0.1:9096",
		Listen:          "127.0.0.1:9096",
		DataDir:         "data",
		Migrate:         MigrateAuto,
		DatabasePool:    DatabasePool{MaxOpen: store.DefaultMaxOpenConns},
		Log:             Log{Level: "info", Format: "text"},
		Tokens:          Tokens{AccessTTL: 10 * time.Minute, IDTTL: time.Hour, CodeTTL: time.Minute, StatusTTL: time.Minute},
		Refresh:         Refresh{IdleTTL: 30 * day, AbsoluteTTL: 180 * day, Grace: time.Minute},
		Session:         Session{Lifetime: 12 * time.Hour, Idle: 4 * time.Hour, RememberLifetime: 30 * day, RememberIdle: 14 * day},
		Interaction:     Interaction{Lifetime: 30 * time.Minute},
		Keys:            Keys{Algorithms: []string{requiredAlgorithm}, RSABits: 2048, RotateEvery: 90 * day},
		Sweep:           Sweep{Every: 10 * time.Minute},
		Registration:    defaultRegistration(),
		ClientDocuments: ClientDocuments{Enabled: true},
		Branding:        Branding{Name: "Signet"},
		Admin:           Admin{Enabled: true},
	}
}
