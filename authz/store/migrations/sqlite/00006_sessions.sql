-- +goose Up

-- When a session was last used, to a few minutes. A session that began under an
-- older release has none until it is used again.
ALTER TABLE sessions ADD COLUMN used_at INTEGER;

-- A person's sessions are listed from the newest on.
CREATE INDEX sessions_by_subject_start ON sessions (subject, created_at);
DROP INDEX sessions_by_subject;

-- +goose Down
CREATE INDEX sessions_by_subject ON sessions (subject);
DROP INDEX sessions_by_subject_start;
ALTER TABLE sessions DROP COLUMN used_at;
