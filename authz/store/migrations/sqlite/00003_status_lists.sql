-- +goose Up

-- Lists of revoked access tokens. A list is open for new tokens until
-- closes_at, and until its next block of indexes would be one too many.
CREATE TABLE status_lists (
    id         TEXT    NOT NULL PRIMARY KEY,
    next_block INTEGER NOT NULL,
    created_at INTEGER,
    closes_at  INTEGER,
    expires_at INTEGER
);
CREATE INDEX status_lists_by_expiry ON status_lists (expires_at);

-- The tokens in them that were revoked, until they would have expired.
CREATE TABLE status_entries (
    list_id    TEXT    NOT NULL,
    idx        INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (list_id, idx)
);
CREATE INDEX status_entries_by_expiry ON status_entries (expires_at);

-- Where the access tokens of a grant stand that may not have expired: a JSON
-- array. The release before leaves it as it is, and its tokens stand nowhere.
ALTER TABLE grants ADD COLUMN live TEXT NOT NULL DEFAULT '[]';

-- +goose Down
ALTER TABLE grants DROP COLUMN live;
DROP TABLE status_entries;
DROP TABLE status_lists;
