-- +goose Up

-- Grants are listed and revoked page by page, in the order of their ids. An
-- index that goes on with the id finds the next page at once; it stands in for
-- the one without, which would have to be sorted for each page.
CREATE INDEX grants_by_subject_id ON grants (subject, id);
CREATE INDEX grants_by_client_id  ON grants (client_id, id);
CREATE INDEX grants_by_session_id ON grants (session_id, id);
DROP INDEX grants_by_subject;
DROP INDEX grants_by_client;
DROP INDEX grants_by_session;

-- +goose Down
CREATE INDEX grants_by_subject ON grants (subject, client_id);
CREATE INDEX grants_by_client  ON grants (client_id);
CREATE INDEX grants_by_session ON grants (session_id);
DROP INDEX grants_by_session_id;
DROP INDEX grants_by_client_id;
DROP INDEX grants_by_subject_id;
