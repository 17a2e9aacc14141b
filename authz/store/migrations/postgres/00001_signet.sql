-- The tables of migrations/sqlite/00001_signet.sql, column by column.
--
-- Every text that an index holds has the collation "C", which compares bytes:
-- lists come in the same order in every database, and an upgrade of the
-- system's locales cannot damage an index. A payload is TEXT rather than
-- JSONB, which refuses the \u0000 that a client may send as a nonce.

-- +goose Up
CREATE TABLE grants (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    client_id       TEXT COLLATE "C" NOT NULL,
    subject         TEXT COLLATE "C" NOT NULL,
    session_id      TEXT COLLATE "C" NOT NULL,
    generation      BIGINT  NOT NULL,
    code_expires_at BIGINT,
    redeemed_at     BIGINT,
    rotated_at      BIGINT,
    created_at      BIGINT,
    expires_at      BIGINT,
    revoked_at      BIGINT,
    revoked_reason  TEXT    NOT NULL,
    payload         TEXT    NOT NULL
);
CREATE INDEX grants_by_subject ON grants (subject, client_id);
CREATE INDEX grants_by_client  ON grants (client_id);
CREATE INDEX grants_by_session ON grants (session_id);
CREATE INDEX grants_by_expiry  ON grants (expires_at);

CREATE TABLE revoked_tokens (
    jti        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    expires_at BIGINT
);
CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);

CREATE TABLE consents (
    subject    TEXT COLLATE "C" NOT NULL,
    client_id  TEXT COLLATE "C" NOT NULL,
    granted_at BIGINT,
    payload    TEXT NOT NULL,
    PRIMARY KEY (subject, client_id)
);
CREATE INDEX consents_by_client ON consents (client_id);

CREATE TABLE clients (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    source     TEXT    NOT NULL,
    disabled   BOOLEAN NOT NULL,
    created_at BIGINT,
    updated_at BIGINT,
    payload    TEXT    NOT NULL
);

CREATE TABLE people (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    username      TEXT    NOT NULL,
    username_key  TEXT COLLATE "C" NOT NULL,
    email         TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    admin         BOOLEAN NOT NULL,
    disabled      BOOLEAN NOT NULL,
    created_at    BIGINT,
    updated_at    BIGINT,
    payload       TEXT    NOT NULL
);
CREATE INDEX people_by_username ON people (username_key);

CREATE TABLE person_logins (
    login_key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    person_id TEXT COLLATE "C" NOT NULL REFERENCES people (id) ON DELETE CASCADE
);
CREATE INDEX person_logins_by_person ON person_logins (person_id);

CREATE TABLE sessions (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    token_hash TEXT COLLATE "C" NOT NULL UNIQUE,
    subject    TEXT COLLATE "C" NOT NULL,
    created_at BIGINT,
    expires_at BIGINT,
    ended_at   BIGINT,
    payload    TEXT NOT NULL
);
CREATE INDEX sessions_by_subject ON sessions (subject);
CREATE INDEX sessions_by_expiry  ON sessions (expires_at);

CREATE TABLE setup_links (
    token_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    expires_at BIGINT
);

CREATE TABLE signing_keys (
    kid          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    algorithm    TEXT COLLATE "C" NOT NULL,
    generation   BIGINT NOT NULL,
    public_jwk   BYTEA  NOT NULL,
    sealed       BYTEA  NOT NULL,
    announced_at BIGINT,
    active_at    BIGINT,
    retired_at   BIGINT,
    removed_at   BIGINT,
    UNIQUE (algorithm, generation)
);

CREATE TABLE fingerprints (
    name   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
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
