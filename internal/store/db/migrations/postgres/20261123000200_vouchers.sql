-- +goose Up
-- Who a person was when their provider was last asked, and until when that is believed
-- of their tokens. Times are milliseconds since 1970.
CREATE TABLE signin_vouchers (
	person TEXT PRIMARY KEY,
	detail TEXT NOT NULL,
	believed BIGINT NOT NULL
);
CREATE INDEX signin_tokens_person ON signin_tokens (person);
