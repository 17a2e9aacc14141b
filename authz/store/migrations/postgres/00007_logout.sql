-- +goose Up

-- The apps that a sign-in session has signed somebody in to and that want to
-- hear of its end, while it can end. sid is what the app was told; session_id
-- is the session that stands for it now: a new sign-in of the same person takes
-- it over.
CREATE TABLE session_clients (
    sid        TEXT COLLATE "C" NOT NULL,
    client_id  TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    sub        TEXT COLLATE "C" NOT NULL,
    back       BOOLEAN NOT NULL,
    front      BOOLEAN NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (sid, client_id)
);
CREATE INDEX session_clients_by_session ON session_clients (session_id);
CREATE INDEX session_clients_by_expiry ON session_clients (expires_at);

-- Logout tokens on their way. next_at is when the next attempt is due, or until
-- when the one under way is taken; NULL once there will be none.
CREATE TABLE logout_deliveries (
    sid          TEXT COLLATE "C" NOT NULL,
    client_id    TEXT COLLATE "C" NOT NULL,
    subject      TEXT COLLATE "C" NOT NULL,
    sub          TEXT COLLATE "C" NOT NULL,
    attempts     BIGINT NOT NULL,
    next_at      BIGINT,
    created_at   BIGINT,
    delivered_at BIGINT,
    status       BIGINT NOT NULL,
    error        TEXT COLLATE "C" NOT NULL,
    expires_at   BIGINT,
    PRIMARY KEY (sid, client_id)
);
CREATE INDEX logout_deliveries_due ON logout_deliveries (client_id, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX logout_deliveries_by_expiry ON logout_deliveries (expires_at);

-- +goose Down
DROP TABLE logout_deliveries;
DROP TABLE session_clients;
