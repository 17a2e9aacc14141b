-- Times are microseconds since 1970-01-01 UTC; NULL is "not yet" or "never".
-- A payload is one JSON object: what no query looks for stands there.
-- Migrations only add, so that the release before keeps running beside: a
-- new column needs a default, and no column is renamed or dropped.

-- +goose Up

-- One row for each authorization that a person gave a client. Nothing refers
-- to clients or people by foreign key: a row must be insertable in one
-- statement that looks at no other table.
CREATE TABLE grants (
    id              TEXT    NOT NULL PRIMARY KEY,
    client_id       TEXT    NOT NULL,
    subject         TEXT    NOT NULL,
    session_id      TEXT    NOT NULL,
    generation      INTEGER NOT NULL,
    code_expires_at INTEGER,
    redeemed_at     INTEGER,
    rotated_at      INTEGER,
    created_at      INTEGER,
    expires_at      INTEGER,
    revoked_at      INTEGER,
    revoked_reason  TEXT    NOT NULL,
    payload         TEXT    NOT NULL
);
CREATE INDEX grants_by_subject ON grants (subject, client_id);
CREATE INDEX grants_by_client  ON grants (client_id);
CREATE INDEX grants_by_session ON grants (session_id);
CREATE INDEX grants_by_expiry  ON grants (expires_at);

-- Single access tokens that were revoked, until they expire.
CREATE TABLE revoked_tokens (
    jti        TEXT NOT NULL PRIMARY KEY,
    expires_at INTEGER
);
CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);

-- The scopes that a person allowed a client.
CREATE TABLE consents (
    subject    TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    granted_at INTEGER,
    payload    TEXT NOT NULL,
    PRIMARY KEY (subject, client_id)
);
CREATE INDEX consents_by_client ON consents (client_id);

CREATE TABLE clients (
    id         TEXT    NOT NULL PRIMARY KEY,
    source     TEXT    NOT NULL,
    disabled   BOOLEAN NOT NULL,
    created_at INTEGER,
    updated_at INTEGER,
    payload    TEXT    NOT NULL
);

CREATE TABLE people (
    id            TEXT    NOT NULL PRIMARY KEY,
    username      TEXT    NOT NULL,
    username_key  TEXT    NOT NULL,
    email         TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    admin         BOOLEAN NOT NULL,
    disabled      BOOLEAN NOT NULL,
    created_at    INTEGER,
    updated_at    INTEGER,
    payload       TEXT    NOT NULL
);
CREATE INDEX people_by_username ON people (username_key);

-- What signs in: the keys of usernames and emails in one namespace, so that
-- nobody's username can be somebody else's email.
CREATE TABLE person_logins (
    login_key TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE
);
CREATE INDEX person_logins_by_person ON person_logins (person_id);

CREATE TABLE sessions (
    id         TEXT NOT NULL PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    subject    TEXT NOT NULL,
    created_at INTEGER,
    expires_at INTEGER,
    ended_at   INTEGER,
    payload    TEXT NOT NULL
);
CREATE INDEX sessions_by_subject ON sessions (subject);
CREATE INDEX sessions_by_expiry  ON sessions (expires_at);

CREATE TABLE setup_links (
    token_hash TEXT NOT NULL PRIMARY KEY,
    expires_at INTEGER
);

-- The unique pair decides between two nodes that make the next key at once.
CREATE TABLE signing_keys (
    kid          TEXT    NOT NULL PRIMARY KEY,
    algorithm    TEXT    NOT NULL,
    generation   INTEGER NOT NULL,
    public_jwk   BLOB    NOT NULL,
    sealed       BLOB    NOT NULL,
    announced_at INTEGER,
    active_at    INTEGER,
    retired_at   INTEGER,
    removed_at   INTEGER,
    UNIQUE (algorithm, generation)
);

-- SHA-256 digests of what must not change between starts, by name.
CREATE TABLE fingerprints (
    name   TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL
);

-- +goose Down
DROP TABLE fingerprints;
DROP TABLE signing_keys;
DROP TABLE setup_links;
DROP TABLE sessions;
DROP TABLE person_logins;
DROP TABLE people;
DROP TABLE clients;
DROP TABLE consents;
DROP TABLE revoked_tokens;
DROP TABLE grants;
