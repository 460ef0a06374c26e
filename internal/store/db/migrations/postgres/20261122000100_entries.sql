-- +goose Up
CREATE TABLE entries (
	seq       BIGINT PRIMARY KEY,
	id        TEXT NOT NULL UNIQUE,
	at        BIGINT NOT NULL, -- microseconds since 1970
	kind      TEXT NOT NULL,
	person    TEXT NOT NULL,
	display   TEXT NOT NULL,
	via       TEXT NOT NULL,
	namespace TEXT NOT NULL,
	name      TEXT NOT NULL,
	verb      TEXT NOT NULL,
	outcome   TEXT NOT NULL,
	reason    TEXT NOT NULL,
	request   TEXT NOT NULL,
	data      TEXT NOT NULL, -- JSON, byte for byte as it was hashed
	prev      TEXT NOT NULL,
	hash      TEXT NOT NULL
);
CREATE INDEX entries_unit ON entries (namespace, name, seq);
CREATE INDEX entries_kind ON entries (kind, at);
CREATE INDEX entries_person ON entries (person, seq);
CREATE INDEX entries_at ON entries (at);

-- The end of the chain. Who appends locks this row first.
CREATE TABLE chain (
	id   BIGINT PRIMARY KEY CHECK (id = 1),
	seq  BIGINT NOT NULL,
	hash TEXT NOT NULL
);
INSERT INTO chain (id, seq, hash) VALUES (1, 0, '');

-- What retention has removed.
CREATE TABLE gaps (
	first  BIGINT PRIMARY KEY,
	last   BIGINT NOT NULL,
	prev   TEXT NOT NULL,
	hash   TEXT NOT NULL,
	newest BIGINT NOT NULL
);

CREATE TABLE releases (
	id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	namespace TEXT NOT NULL,
	name      TEXT NOT NULL,
	uid       TEXT NOT NULL,
	number    BIGINT NOT NULL,
	cause     TEXT NOT NULL,
	outcome   TEXT NOT NULL,
	started   BIGINT NOT NULL,
	ended     BIGINT NOT NULL, -- 0 while it goes on
	lead      BIGINT NOT NULL, -- microseconds from commit to healthy; 0 where that is not known
	touched   BIGINT NOT NULL, -- time of the newest entry about it
	record    TEXT NOT NULL,    -- JSON, without its objects
	objects   TEXT NOT NULL,    -- JSON
	UNIQUE (namespace, name, uid, number)
);
CREATE INDEX releases_unit ON releases (namespace, name, started, id);
CREATE INDEX releases_ended ON releases (ended);
CREATE INDEX releases_touched ON releases (touched);
