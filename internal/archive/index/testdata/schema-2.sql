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
) WITHOUT ROWID;
CREATE INDEX object_received ON object (received) WHERE parent_id = 0;
INSERT INTO object VALUES (1, 0, '1.2.840.10008.5.1.4.1.1.1.1', '1.2.3', '1.2.840.10008.1.2.1', '1.2.3.4', '1.2.3.5', 'DX', 'HAND', 'DXROOM1', 'XNET', 'dx1', '', 'segment', 'objects/a1/a.dcm', 1000, 300, 1700000000000000123);
INSERT INTO object VALUES (2, 1, '1.2.840.10008.5.1.4.1.1.66.4', '1.2.3.9', '1.2.840.10008.1.2.1', '1.2.3.4', '1.2.3.6', 'SEG', '', '', '', '', '', 'keep', 'objects/d0/b.dcm', 2000, 300, 1700000001000000000);
INSERT INTO delivery VALUES (2, 'pacs');
UPDATE sqlite_sequence SET seq = 7 WHERE name = 'object';
PRAGMA user_version = 2;
