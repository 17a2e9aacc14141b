-- +goose Up
ALTER TABLE signing_keys ADD COLUMN verify_only    BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE signing_keys ADD COLUMN revoked_at     BIGINT;
ALTER TABLE signing_keys ADD COLUMN revoked_reason TEXT    NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE signing_keys DROP COLUMN revoked_reason;
ALTER TABLE signing_keys DROP COLUMN revoked_at;
ALTER TABLE signing_keys DROP COLUMN verify_only;
