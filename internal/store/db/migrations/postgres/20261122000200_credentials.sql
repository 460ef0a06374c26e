-- +goose Up
-- What people and machines prove themselves with: hashes, and what is sealed.
-- Times are milliseconds since 1970.
CREATE TABLE signin_logins (
	id TEXT PRIMARY KEY,
	provider TEXT NOT NULL,
	subject TEXT NOT NULL,
	sid TEXT NOT NULL,
	person TEXT NOT NULL,
	detail TEXT NOT NULL,
	sealed TEXT NOT NULL,
	created BIGINT NOT NULL,
	checked BIGINT NOT NULL,
	expires BIGINT NOT NULL
);
CREATE INDEX signin_logins_person ON signin_logins (person);
CREATE INDEX signin_logins_checked ON signin_logins (checked);
CREATE TABLE signin_sessions (
	id TEXT PRIMARY KEY,
	login TEXT NOT NULL REFERENCES signin_logins (id),
	kind TEXT NOT NULL,
	client TEXT NOT NULL,
	address TEXT NOT NULL,
	hash TEXT NOT NULL UNIQUE,
	hash_before TEXT NOT NULL,
	before_until BIGINT NOT NULL,
	created BIGINT NOT NULL,
	rotated BIGINT NOT NULL,
	seen BIGINT NOT NULL
);
CREATE INDEX signin_sessions_login ON signin_sessions (login);
CREATE INDEX signin_sessions_before ON signin_sessions (hash_before);
CREATE TABLE signin_tokens (
	id TEXT PRIMARY KEY,
	name TEXT NOT NULL,
	hash TEXT NOT NULL UNIQUE,
	person TEXT NOT NULL,
	detail TEXT NOT NULL,
	maker TEXT NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	used BIGINT NOT NULL
);
CREATE TABLE signin_once (
	name TEXT PRIMARY KEY,
	payload TEXT NOT NULL,
	expires BIGINT NOT NULL
);
-- Whether anybody ever signed in is known when all logins have expired, too.
CREATE TABLE signin_ever (one INTEGER PRIMARY KEY);
