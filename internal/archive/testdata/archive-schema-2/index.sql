PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE river_leader (
    elected_at timestamp NOT NULL,
    expires_at timestamp NOT NULL,
    leader_id text NOT NULL,
    name text PRIMARY KEY NOT NULL DEFAULT 'default' CHECK (name = 'default'),
    CONSTRAINT name_length CHECK (length(name) > 0 AND length(name) < 128),
    CONSTRAINT leader_id_length CHECK (length(leader_id) > 0 AND length(leader_id) < 128)
);
CREATE TABLE river_migration (
    line text NOT NULL,
    version integer NOT NULL,
    created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT line_length CHECK (length(line) > 0 AND length(line) < 128),
    CONSTRAINT version_gte_1 CHECK (version >= 1),
    PRIMARY KEY (line, version)
);
INSERT INTO river_migration VALUES('main',1,'2026-11-28 15:22:58');
INSERT INTO river_migration VALUES('main',2,'2026-11-28 15:22:58');
INSERT INTO river_migration VALUES('main',3,'2026-11-28 15:22:58');
INSERT INTO river_migration VALUES('main',4,'2026-11-28 15:22:58');
INSERT INTO river_migration VALUES('main',5,'2026-11-28 15:22:58');
INSERT INTO river_migration VALUES('main',6,'2026-11-28 15:22:58');
INSERT INTO river_migration VALUES('main',7,'2026-11-28 15:22:58');
INSERT INTO river_migration VALUES('main',8,'2026-11-28 15:22:58');
CREATE TABLE river_notification (
    id integer PRIMARY KEY AUTOINCREMENT,
    created_at timestamp NOT NULL DEFAULT (datetime('now', 'subsec')),
    payload text NOT NULL,
    topic text NOT NULL,
    CONSTRAINT topic_length CHECK (length(topic) > 0 AND length(topic) < 128)
);
CREATE TABLE river_queue (
    name text PRIMARY KEY NOT NULL,
    created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    metadata blob NOT NULL DEFAULT (jsonb('{}')),
    paused_at timestamp,
    updated_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO river_queue VALUES('segment','2026-11-28 15:22:58.633',X'0c',NULL,'2026-11-28 15:23:21.917');
INSERT INTO river_queue VALUES('dark','2026-11-28 15:22:58.635',X'0c',NULL,'2026-11-28 15:23:21.919');
INSERT INTO river_queue VALUES('deliver-3a1886909141a6e5','2026-11-28 15:23:02.062',X'0c',NULL,'2026-11-28 15:23:21.921');
CREATE TABLE river_job (
    id integer PRIMARY KEY AUTOINCREMENT,
    args blob NOT NULL DEFAULT (jsonb('{}')),
    attempt integer NOT NULL DEFAULT 0,
    attempted_at timestamp,
    attempted_by blob, -- json
    created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    errors blob, -- json
    finalized_at timestamp,
    kind text NOT NULL,
    max_attempts integer NOT NULL DEFAULT 25,
    metadata blob NOT NULL DEFAULT (jsonb('{}')),
    priority integer NOT NULL DEFAULT 1,
    queue text NOT NULL DEFAULT 'default',
    state text NOT NULL DEFAULT 'available',
    scheduled_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
    tags blob NOT NULL DEFAULT (jsonb('[]')),
    unique_key blob,
    unique_states integer,
    CONSTRAINT finalized_or_finalized_at_null CHECK (
        (finalized_at IS NULL AND state NOT IN ('cancelled', 'completed', 'discarded')) OR
        (finalized_at IS NOT NULL AND state IN ('cancelled', 'completed', 'discarded'))
    ),
    CONSTRAINT priority_in_range CHECK (priority >= 1 AND priority <= 4),
    CONSTRAINT queue_length CHECK (length(queue) > 0 AND length(queue) < 128),
    CONSTRAINT kind_length CHECK (length(kind) > 0 AND length(kind) < 128),
    CONSTRAINT state_valid CHECK (state IN ('available', 'cancelled', 'completed', 'discarded', 'pending', 'retryable', 'running', 'scheduled'))
);
INSERT INTO river_job VALUES(1,X'cc0c976f626a6563745f69641331',1,'2026-11-28 15:22:59.618',X'cb1fc71d766d5f323032365f31315f32385431355f32325f35385f363331323531','2026-11-28 15:22:59.615',NULL,'2026-11-28 15:23:02.060','segment',350,X'cc26c71272697665723a756e697175655f6e6f6e6365c71030633230316132323338656134333030',1,'segment','completed','2026-11-28 15:22:59.615',X'0b',NULL,NULL);
INSERT INTO river_job VALUES(2,X'cc1d976f626a6563745f69641333b764657374696e6174696f6e4770616373',1,'2026-11-28 15:23:02.066',X'cb1fc71d766d5f323032365f31315f32385431355f32325f35385f363331323531','2026-11-28 15:23:02.060',NULL,'2026-11-28 15:23:02.114','deliver',350,X'cc26c71272697665723a756e697175655f6e6f6e6365c71066666539333965643335643132363865',1,'deliver-3a1886909141a6e5','completed','2026-11-28 15:23:02.060',X'0b',NULL,NULL);
INSERT INTO river_job VALUES(3,X'cc0c976f626a6563745f69641334',1,'2026-11-28 15:23:05.194',X'cb1fc71d766d5f323032365f31315f32385431355f32325f35385f363331323531','2026-11-28 15:23:05.190',NULL,'2026-11-28 15:23:05.203','segment',350,X'cc26c71272697665723a756e697175655f6e6f6e6365c71064663830323363653939373032353337',1,'segment','completed','2026-11-28 15:23:05.190',X'0b',NULL,NULL);
INSERT INTO river_job VALUES(4,X'cc0c976f626a6563745f69641335',1,'2026-11-28 15:23:23.046',X'cb1fc71d766d5f323032365f31315f32385431355f32335f32315f393135303331','2026-11-28 15:23:23.044',NULL,'2026-11-28 15:23:25.532','segment',350,X'cc26c71272697665723a756e697175655f6e6f6e6365c71030383963366563336662666133303435',1,'segment','completed','2026-11-28 15:23:23.044',X'0b',NULL,NULL);
INSERT INTO river_job VALUES(5,X'cc1d976f626a6563745f69641336b764657374696e6174696f6e4770616373',1,'2026-11-28 15:23:25.536',X'cb1fc71d766d5f323032365f31315f32385431355f32335f32315f393135303331','2026-11-28 15:23:25.531',X'cb84cc82276174c71e323032362d31312d32385431353a32333a32352e3533383334313932345a77617474656d70741331576572726f72c74664656c6976657220746f20706163733a206469616c20746370203132372e302e302e313a31383734323a20636f6e6e6563743a20636f6e6e656374696f6e207265667573656457747261636507',NULL,'deliver',350,X'cc26c71272697665723a756e697175655f6e6f6e6365c71039333137346163663262613137396263',1,'deliver-3a1886909141a6e5','retryable','2026-11-28 15:23:30.790',X'0b',NULL,NULL);
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
INSERT INTO object VALUES(1,0,'1.2.840.10008.5.1.4.1.1.1.1','1.2.826.0.1.3680043.10.1.1','1.2.840.10008.1.2.1','1.2.826.0.1.3680043.10.1','1.2.826.0.1.3680043.10.1.0','DX','HAND','DXROOM1','XNET','dx1','','segment','objects/a1/4f0c95be533bd236533a13fe515b778a92ad0d-34f34bc80cdb.dcm',2776,356,1795879379547016796);
INSERT INTO object VALUES(2,0,'1.2.840.10008.5.1.4.1.1.1.1','1.2.826.0.1.3680043.10.1.2','1.2.840.10008.1.2.1','1.2.826.0.1.3680043.10.1','1.2.826.0.1.3680043.10.1.0','DX','HAND','OTHER','XNET','other','','keep','objects/0a/251c911e9ee4fb1f94525ca15d210977d79e37-cf76333a365b.dcm',2774,354,1795879379899049921);
INSERT INTO object VALUES(3,1,'1.2.840.10008.5.1.4.1.1.66.4','2.25.155704424078114749845544144726075887240','1.2.840.10008.1.2.1','1.2.826.0.1.3680043.10.1','2.25.122533596990111637738701639053063289683','SEG','HAND','','','','','keep','objects/47/07dc6d022551b70cfb01236e3c0b0e5496896a-601b7cad2c10.dcm',8394,346,1795879382053663103);
INSERT INTO object VALUES(4,0,'1.2.840.10008.5.1.4.1.1.1.1','1.2.826.0.1.3680043.10.1.3','1.2.840.10008.1.2.1','1.2.826.0.1.3680043.10.1','1.2.826.0.1.3680043.10.1.0','RF','HAND','DXROOM1','XNET','dx1','','segment','objects/9b/6316b012be121ad83e5fd4aea31d5e30c014a8-37d9ec38d925.dcm',2776,356,1795879385183063920);
INSERT INTO object VALUES(5,0,'1.2.840.10008.5.1.4.1.1.1.1','1.2.826.0.1.3680043.10.1.4','1.2.840.10008.1.2.1','1.2.826.0.1.3680043.10.1','1.2.826.0.1.3680043.10.1.0','DX','HAND','DXROOM1','XNET','dx1','','segment','objects/dc/58f7ce068642a88dc3d5483406f64bcdea2f0a-95cd7b72def6.dcm',2776,356,1795879403038894933);
INSERT INTO object VALUES(6,5,'1.2.840.10008.5.1.4.1.1.66.4','2.25.186586672510497348387816975906008380005','1.2.840.10008.1.2.1','1.2.826.0.1.3680043.10.1','2.25.320905991107092617254406218208832914101','SEG','HAND','','','','','keep','objects/59/17cf176b3605fe3d2c5ceb44ea9fa0a63db552-cf06bc0b5c29.dcm',8394,346,1795879405481169827);
CREATE TABLE delivery (
	object_id   INTEGER NOT NULL REFERENCES object (id),
	destination TEXT NOT NULL,
	PRIMARY KEY (object_id, destination)
) WITHOUT ROWID;
INSERT INTO delivery VALUES(3,'pacs');
INSERT INTO delivery VALUES(6,'pacs');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('river_job',5);
INSERT INTO sqlite_sequence VALUES('object',6);
CREATE INDEX river_notification_created_at_idx ON river_notification (created_at);
CREATE INDEX river_notification_topic_id_idx ON river_notification (topic, id);
CREATE INDEX river_job_kind ON river_job (kind);
CREATE INDEX river_job_state_and_finalized_at_index ON river_job (state, finalized_at) WHERE finalized_at IS NOT NULL;
CREATE INDEX river_job_prioritized_fetching_index ON river_job (state, queue, priority, scheduled_at, id);
CREATE UNIQUE INDEX river_job_unique_idx ON river_job (unique_key)
    WHERE unique_key IS NOT NULL
        AND unique_states IS NOT NULL
        AND CASE state
            WHEN 'available' THEN unique_states & (1 << 0)
            WHEN 'cancelled' THEN unique_states & (1 << 1)
            WHEN 'completed' THEN unique_states & (1 << 2)
            WHEN 'discarded' THEN unique_states & (1 << 3)
            WHEN 'pending'   THEN unique_states & (1 << 4)
            WHEN 'retryable' THEN unique_states & (1 << 5)
            WHEN 'running'   THEN unique_states & (1 << 6)
            WHEN 'scheduled' THEN unique_states & (1 << 7)
            ELSE 0
        END >= 1;
CREATE INDEX object_parent ON object (parent_id) WHERE parent_id <> 0;
CREATE INDEX object_received ON object (received) WHERE parent_id = 0;
COMMIT;
PRAGMA user_version = 2;
