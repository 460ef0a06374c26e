-- +goose Up
-- What tells this chain from others where its end is remembered.
ALTER TABLE chain ADD COLUMN name TEXT NOT NULL DEFAULT '';
UPDATE chain SET name = substr(md5(random()::text || clock_timestamp()::text), 1, 16);
