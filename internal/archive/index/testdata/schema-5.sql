CREATE TABLE act (
	id      INTEGER PRIMARY KEY,
	at      INTEGER NOT NULL,
	who     TEXT NOT NULL,
	what    TEXT NOT NULL,
	subject TEXT NOT NULL,
	reason  TEXT NOT NULL
);
CREATE TABLE "delivery" (
	object_id   INTEGER NOT NULL REFERENCES "object" (id),
	destination TEXT NOT NULL,
	state       TEXT NOT NULL DEFAULT 'pending',
	at          INTEGER NOT NULL DEFAULT 0,
	status      INTEGER NOT NULL DEFAULT -1,
	words       TEXT NOT NULL DEFAULT '',
	attempts    INTEGER NOT NULL DEFAULT 0, transaction_uid TEXT NOT NULL DEFAULT '', requested INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (object_id, destination)
) WITHOUT ROWID;
CREATE TABLE "object" (
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
INSERT INTO "object" VALUES(1,0,'1.2.840.10008.5.1.4.1.1.1.1','1.2.3',1,'1.2.840.10008.1.2.1','1.2.3.4','1.2.3.5','A1','DX','HAND','DXROOM1','XNET','dx1','radiographs','segment','objects/a1/a.dcm',1000,300,1700000000000000123,'aa','p','m','i','segmented',1700000001000000000,0.5,0,2964891821);
INSERT INTO "object" VALUES(2,0,'1.2.840.10008.5.1.4.1.1.1.1','1.2.4',1,'1.2.840.10008.1.2.1','1.2.3.4','1.2.3.5','A1','DX','HAND','DXROOM1','XNET','dx1','radiographs','segment','objects/a1/b.dcm',1000,300,1700000000000000123,'','p','m','i','',0,NULL,0,2275497799);
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
CREATE TABLE promise (
	peer            TEXT NOT NULL,
	transaction_uid TEXT NOT NULL,
	at              INTEGER NOT NULL,
	content         TEXT NOT NULL,
	PRIMARY KEY (peer, transaction_uid)
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
INSERT INTO "tombstone" VALUES(1,'1.2.2',1,1,'objects/a1/c.dcm','bb','','','','expired',1700000000000000000,'null');
CREATE TABLE value (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "value" VALUES('changes','2');
CREATE INDEX object_parent ON object (parent_id) WHERE parent_id <> 0;
CREATE INDEX object_received ON object (received) WHERE parent_id = 0;
CREATE INDEX object_study ON object (study_instance_uid);
CREATE INDEX object_accession ON object (accession_number) WHERE accession_number <> '';
CREATE INDEX delivery_destination ON delivery (destination);
CREATE INDEX tombstone_instance ON tombstone (sop_instance_uid);
CREATE INDEX delivery_transaction ON delivery (transaction_uid) WHERE transaction_uid <> '';
CREATE INDEX delivery_held ON delivery (object_id, destination) WHERE state = 'held';
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('object',2);
PRAGMA user_version = 5;
