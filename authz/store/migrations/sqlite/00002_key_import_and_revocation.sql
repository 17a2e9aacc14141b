-- +goose Up

-- The release before makes keys without these columns: such a key signs, and
-- nobody revoked it.
ALTER TABLE signing_keys ADD COLUMN verify_only    BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE signing_keys ADD COLUMN revoked_at     INTEGER;
ALTER TABLE signing_keys ADD COLUMN revoked_reason TEXT    NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE signing_keys DROP COLUMN revoked_reason;
ALTER TABLE signing_keys DROP COLUMN revoked_at;
ALTER TABLE signing_keys DROP COLUMN verify_only;
