-- +goose Up
CREATE TABLE status_lists (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    next_block BIGINT NOT NULL,
    created_at BIGINT,
    closes_at  BIGINT,
    expires_at BIGINT
);
CREATE INDEX status_lists_by_expiry ON status_lists (expires_at);

CREATE TABLE status_entries (
    list_id    TEXT COLLATE "C" NOT NULL,
    idx        BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (list_id, idx)
);
CREATE INDEX status_entries_by_expiry ON status_entries (expires_at);

ALTER TABLE grants ADD COLUMN live TEXT NOT NULL DEFAULT '[]';

-- +goose Down
ALTER TABLE grants DROP COLUMN live;
DROP TABLE status_entries;
DROP TABLE status_lists;
