package index

// schema holds the migration steps to the current tables. PRAGMA user_version of a database is
// the number of steps it has had. The tables of the jobs are in the same database. Times are in
// nanoseconds since 1970; 0 means none.
var schema = []string{`
CREATE TABLE object (
	id                  INTEGER PRIMARY KEY AUTOINCREMENT,
	parent_id           INTEGER NOT NULL DEFAULT 0,
	sop_class_uid       TEXT NOT NULL,
	sop_instance_uid    TEXT NOT NULL UNIQUE,
	transfer_syntax_uid TEXT NOT NULL,
	study_instance_uid  TEXT NOT NULL,
	series_instance_uid TEXT NOT NULL,
	modality            TEXT NOT NULL,
	body_part           TEXT NOT NULL,
	calling_ae          TEXT NOT NULL,
	called_ae           TEXT NOT NULL,
	source              TEXT NOT NULL,
	route               TEXT NOT NULL,
	purpose             TEXT NOT NULL,
	path                TEXT NOT NULL UNIQUE,
	size                INTEGER NOT NULL,
	dataset_offset      INTEGER NOT NULL,
	received            INTEGER NOT NULL
);
CREATE INDEX object_parent ON object (parent_id) WHERE parent_id <> 0;
CREATE TABLE delivery (
	object_id   INTEGER NOT NULL REFERENCES object (id),
	destination TEXT NOT NULL,
	PRIMARY KEY (object_id, destination)
) WITHOUT ROWID;`,
	`CREATE INDEX object_received ON object (received) WHERE parent_id = 0;`,
	versions,
	commitments,
	`CREATE INDEX delivery_held ON delivery (object_id, destination) WHERE state = 'held';`,
	`ALTER TABLE object ADD COLUMN crc32c TEXT NOT NULL DEFAULT '';`,
}

const (
	// columnsSince is the first schema in which all tables have the columns read here, except
	// crc32c.
	columnsSince = 4
	// crc32cSince is the first schema in which objects have the column crc32c.
	crc32cSince = 6
)

// commitments adds the state of requests for commitment to destinations, and the requests of
// peers (PS3.4 J).
const commitments = `
ALTER TABLE delivery ADD COLUMN transaction_uid TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN requested INTEGER NOT NULL DEFAULT 0;
CREATE INDEX delivery_transaction ON delivery (transaction_uid) WHERE transaction_uid <> '';
CREATE TABLE promise (
	peer            TEXT NOT NULL,
	transaction_uid TEXT NOT NULL,
	at              INTEGER NOT NULL,
	content         TEXT NOT NULL,
	PRIMARY KEY (peer, transaction_uid)
) WITHOUT ROWID;`

// versions changes the key of objects to instance and version, and adds tables and columns for
// operating the node. Ids continue from the last one: an id is never used again.
const versions = `
CREATE TABLE object3 (
	id                  INTEGER PRIMARY KEY AUTOINCREMENT,
	parent_id           INTEGER NOT NULL DEFAULT 0,
	sop_class_uid       TEXT NOT NULL,
	sop_instance_uid    TEXT NOT NULL,
	version             INTEGER NOT NULL,
	transfer_syntax_uid TEXT NOT NULL,
	study_instance_uid  TEXT NOT NULL,
	series_instance_uid TEXT NOT NULL,
	accession_number    TEXT NOT NULL DEFAULT '',
	modality            TEXT NOT NULL,
	body_part           TEXT NOT NULL,
	calling_ae          TEXT NOT NULL,
	called_ae           TEXT NOT NULL,
	source              TEXT NOT NULL,
	route               TEXT NOT NULL,
	purpose             TEXT NOT NULL,
	path                TEXT NOT NULL UNIQUE,
	size                INTEGER NOT NULL,
	dataset_offset      INTEGER NOT NULL,
	received            INTEGER NOT NULL,
	sha256              TEXT NOT NULL DEFAULT '',
	pixel_digest        TEXT NOT NULL DEFAULT '',
	meaning_digest      TEXT NOT NULL DEFAULT '',
	identity_digest     TEXT NOT NULL DEFAULT '',
	outcome             TEXT NOT NULL DEFAULT '',
	outcome_at          INTEGER NOT NULL DEFAULT 0,
	quality             REAL,
	superseded_at       INTEGER NOT NULL DEFAULT 0,
	row_sum             INTEGER NOT NULL DEFAULT 0,
	UNIQUE (sop_instance_uid, version)
);
INSERT INTO object3 (id, parent_id, sop_class_uid, sop_instance_uid, version, transfer_syntax_uid,
	study_instance_uid, series_instance_uid, modality, body_part, calling_ae, called_ae,
	source, route, purpose, path, size, dataset_offset, received)
	SELECT id, parent_id, sop_class_uid, sop_instance_uid, 1, transfer_syntax_uid,
	study_instance_uid, series_instance_uid, modality, body_part, calling_ae, called_ae,
	source, route, purpose, path, size, dataset_offset, received FROM object;
DELETE FROM sqlite_sequence WHERE name = 'object3';
INSERT INTO sqlite_sequence (name, seq) SELECT 'object3', seq FROM sqlite_sequence WHERE name = 'object';
CREATE TABLE delivery3 (
	object_id   INTEGER NOT NULL REFERENCES object3 (id),
	destination TEXT NOT NULL,
	state       TEXT NOT NULL DEFAULT 'pending',
	at          INTEGER NOT NULL DEFAULT 0,
	status      INTEGER NOT NULL DEFAULT -1,
	words       TEXT NOT NULL DEFAULT '',
	attempts    INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (object_id, destination)
) WITHOUT ROWID;
INSERT INTO delivery3 (object_id, destination) SELECT object_id, destination FROM delivery;
DROP TABLE delivery;
DROP TABLE object;
ALTER TABLE object3 RENAME TO object;
ALTER TABLE delivery3 RENAME TO delivery;
CREATE INDEX object_parent ON object (parent_id) WHERE parent_id <> 0;
CREATE INDEX object_received ON object (received) WHERE parent_id = 0;
CREATE INDEX object_study ON object (study_instance_uid);
CREATE INDEX object_accession ON object (accession_number) WHERE accession_number <> '';
CREATE INDEX delivery_destination ON delivery (destination);
CREATE TABLE tombstone (
	id               INTEGER PRIMARY KEY,
	sop_instance_uid TEXT NOT NULL,
	version          INTEGER NOT NULL,
	received         INTEGER NOT NULL,
	path             TEXT NOT NULL UNIQUE,
	sha256           TEXT NOT NULL,
	pixel_digest     TEXT NOT NULL,
	meaning_digest   TEXT NOT NULL,
	identity_digest  TEXT NOT NULL,
	cause            TEXT NOT NULL,
	at               INTEGER NOT NULL,
	results          TEXT NOT NULL
);
CREATE INDEX tombstone_instance ON tombstone (sop_instance_uid);
CREATE TABLE peer (
	name         TEXT NOT NULL,
	calling_ae   TEXT NOT NULL,
	called_ae    TEXT NOT NULL,
	address      TEXT NOT NULL,
	first        INTEGER NOT NULL,
	last         INTEGER NOT NULL,
	associations INTEGER NOT NULL,
	objects      INTEGER NOT NULL,
	PRIMARY KEY (calling_ae, called_ae, address)
) WITHOUT ROWID;
CREATE TABLE refusal (
	kind       TEXT NOT NULL,
	peer       TEXT NOT NULL,
	calling_ae TEXT NOT NULL,
	called_ae  TEXT NOT NULL,
	address    TEXT NOT NULL,
	status     INTEGER NOT NULL,
	words      TEXT NOT NULL,
	first      INTEGER NOT NULL,
	last       INTEGER NOT NULL,
	count      INTEGER NOT NULL,
	PRIMARY KEY (kind, calling_ae, called_ae, address, status, words)
) WITHOUT ROWID;
CREATE TABLE act (
	id      INTEGER PRIMARY KEY,
	at      INTEGER NOT NULL,
	who     TEXT NOT NULL,
	what    TEXT NOT NULL,
	subject TEXT NOT NULL,
	reason  TEXT NOT NULL
);
CREATE TABLE value (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO value (key, value) VALUES ('changes', '1');`
