-- +goose Up

-- When each credential of a client was last used, to the hour or so: a secret
-- by the start of its hash, a key by its kid, "" for the client as a whole.
CREATE TABLE client_uses (
    client_id  TEXT NOT NULL,
    credential TEXT NOT NULL,
    used_at    INTEGER,
    PRIMARY KEY (client_id, credential)
);

-- The origins whose scripts may read answers that are meant for a client.
CREATE TABLE client_origins (
    origin    TEXT NOT NULL,
    client_id TEXT NOT NULL,
    PRIMARY KEY (origin, client_id)
);
CREATE INDEX client_origins_by_client ON client_origins (client_id);

-- updated_at of when the origins of a client were last brought in line. It is
-- another one where a release that knows no origins made or changed the client;
-- those are few, and found by an index of their own.
ALTER TABLE clients ADD COLUMN origins_at INTEGER;
CREATE INDEX clients_unindexed ON clients (id) WHERE origins_at IS DISTINCT FROM updated_at;

-- The client assertions that were used, until they expire: the SHA-256 of the
-- client_id and the jti.
CREATE TABLE client_assertions (
    id         TEXT NOT NULL PRIMARY KEY,
    expires_at INTEGER
);
CREATE INDEX client_assertions_by_expiry ON client_assertions (expires_at);

-- Initial access tokens (RFC 7591, section 1.2), by the hash of the token.
CREATE TABLE invitations (
    id         TEXT    NOT NULL PRIMARY KEY,
    token_hash TEXT    NOT NULL UNIQUE,
    uses_left  INTEGER NOT NULL,
    created_at INTEGER,
    expires_at INTEGER,
    payload    TEXT    NOT NULL
);
CREATE INDEX invitations_by_expiry ON invitations (expires_at);

-- Clients that registered themselves and were never used are found by their age.
CREATE INDEX clients_dynamic ON clients (created_at) WHERE source = 'dynamic';

-- +goose Down
DROP INDEX clients_dynamic;
DROP INDEX clients_unindexed;
ALTER TABLE clients DROP COLUMN origins_at;
DROP TABLE invitations;
DROP TABLE client_assertions;
DROP TABLE client_origins;
DROP TABLE client_uses;
