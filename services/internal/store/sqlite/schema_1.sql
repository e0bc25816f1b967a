-- Names follow the collections and fields of the reference server (protocol
-- section 6). Times are milliseconds since 1970, 0 or NULL: never. JSON is text,
-- byte for byte as it came. Large columns stand last, so that reading the others
-- does not walk over them.

-- Pending changes: waiting, in work, and done (deleted is set).
CREATE TABLE fhsync_pending_queue (
  id            INTEGER PRIMARY KEY AUTOINCREMENT, -- order of arrival
  datasetId     TEXT NOT NULL,
  cuid          TEXT NOT NULL,
  hash          TEXT NOT NULL,
  digest        TEXT NOT NULL,  -- of the content: tells versions of one hash apart
  datasetClient TEXT NOT NULL,
  action        TEXT NOT NULL,
  uid           TEXT NOT NULL,  -- as the device sent it
  recordUid     TEXT NOT NULL,  -- the record as known: what a made-up uid became
  timestamp     INTEGER NOT NULL,
  invalid       TEXT NOT NULL,
  enqueued      INTEGER NOT NULL,
  visible       INTEGER NOT NULL, -- not claimable before
  ack           TEXT,           -- the claim in force
  tries         INTEGER NOT NULL DEFAULT 0,
  head          INTEGER NOT NULL, -- 1: the one change of its record that may be claimed
  deleted       INTEGER,        -- when it was done
  type          TEXT,           -- its outcome, from here
  outcomeUid    TEXT,
  msg           TEXT,
  wrote         TEXT,
  reported      INTEGER NOT NULL DEFAULT 0, -- timestamp of its last update, 0: none saved
  meta_data     TEXT,
  pre           TEXT,
  post          TEXT
) STRICT;
CREATE UNIQUE INDEX pending_version ON fhsync_pending_queue (datasetId, cuid, hash, digest);
-- These two hold the heads alone: a claim costs what it claims, and a record can
-- never have two.
CREATE INDEX pending_claimable ON fhsync_pending_queue (visible, id) WHERE head = 1;
CREATE UNIQUE INDEX pending_head ON fhsync_pending_queue (datasetId, recordUid) WHERE head = 1;
CREATE INDEX pending_record ON fhsync_pending_queue (datasetId, recordUid, id, deleted) WHERE deleted IS NULL;
CREATE INDEX pending_device ON fhsync_pending_queue (datasetId, cuid, deleted);
CREATE INDEX pending_done ON fhsync_pending_queue (deleted) WHERE deleted IS NOT NULL;

-- What made-up uids became, by device.
CREATE TABLE fhsync_uids (
  datasetId TEXT NOT NULL,
  cuid      TEXT NOT NULL,
  madeUp    TEXT NOT NULL,
  uid       TEXT NOT NULL,
  expires   INTEGER NOT NULL,
  PRIMARY KEY (datasetId, cuid, madeUp)
) STRICT, WITHOUT ROWID;
CREATE INDEX uids_real ON fhsync_uids (datasetId, cuid, uid);
CREATE INDEX uids_expires ON fhsync_uids (expires);

-- Results that wait for their device.
CREATE TABLE fhsync_updates (
  id        INTEGER PRIMARY KEY AUTOINCREMENT, -- order of saving
  datasetId TEXT NOT NULL,
  cuid      TEXT NOT NULL,
  hash      TEXT NOT NULL,
  timestamp INTEGER NOT NULL,
  type      TEXT NOT NULL,
  action    TEXT NOT NULL,
  uid       TEXT NOT NULL,
  oldUid    TEXT NOT NULL,
  msg       TEXT NOT NULL,
  digest    TEXT NOT NULL,    -- of the change that it is the result of: recognises a
  wrote     TEXT NOT NULL,    -- resend when the done log has forgotten the change
  hidden    INTEGER NOT NULL  -- 1: a newer version waits, the device gets that one's
) STRICT;
CREATE UNIQUE INDEX updates_change ON fhsync_updates (datasetId, cuid, hash);

CREATE TABLE fhsync_ack_queue (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  datasetId TEXT NOT NULL,
  cuid      TEXT NOT NULL,
  hash      TEXT NOT NULL,
  timestamp INTEGER NOT NULL,
  enqueued  INTEGER NOT NULL,
  visible   INTEGER NOT NULL,
  ack       TEXT,
  tries     INTEGER NOT NULL DEFAULT 0,
  deleted   INTEGER
) STRICT;
CREATE INDEX ack_claimable ON fhsync_ack_queue (visible, id, deleted) WHERE deleted IS NULL;
CREATE INDEX ack_done ON fhsync_ack_queue (deleted) WHERE deleted IS NOT NULL;

CREATE TABLE fhsync_queue (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  datasetClient TEXT NOT NULL,
  datasetId     TEXT NOT NULL,
  enqueued      INTEGER NOT NULL,
  visible       INTEGER NOT NULL,
  ack           TEXT,
  tries         INTEGER NOT NULL DEFAULT 0,
  deleted       INTEGER
) STRICT;
CREATE INDEX job_claimable ON fhsync_queue (visible, id, deleted) WHERE deleted IS NULL;
CREATE INDEX job_done ON fhsync_queue (deleted) WHERE deleted IS NOT NULL;
-- A job that nobody has begun serves everybody who asked meanwhile.
CREATE UNIQUE INDEX job_waiting ON fhsync_queue (datasetClient) WHERE deleted IS NULL AND ack IS NULL;

CREATE TABLE fhsync_datasetClients (
  seq                 INTEGER PRIMARY KEY AUTOINCREMENT, -- short name for fhsync_refs
  id                  TEXT NOT NULL UNIQUE,
  datasetId           TEXT NOT NULL,
  queryParams         TEXT,
  metaData            TEXT,
  syncFrequency       INTEGER NOT NULL, -- config, ms
  clientSyncTimeout   INTEGER NOT NULL,
  backendListTimeout  INTEGER NOT NULL,
  maxScheduleWaitTime INTEGER NOT NULL,
  contentHash         TEXT NOT NULL DEFAULT '', -- globalHash = contentHash _ revision
  revision            INTEGER NOT NULL DEFAULT 0,
  collisionCount      INTEGER NOT NULL DEFAULT 0,
  active              INTEGER NOT NULL,
  stopped             INTEGER NOT NULL,
  lastAccessed        INTEGER NOT NULL,
  syncScheduled       INTEGER NOT NULL DEFAULT 0,
  syncLoopStart       INTEGER NOT NULL DEFAULT 0,
  syncLoopEnd         INTEGER NOT NULL DEFAULT 0,
  syncCompleted       INTEGER NOT NULL DEFAULT 0,
  completedRunStart   INTEGER NOT NULL DEFAULT 0,
  dirty               INTEGER NOT NULL DEFAULT 0, -- when a change was last finished, 0: not since the last run began
  runToken            INTEGER NOT NULL DEFAULT 0, -- of the run under way, 0: none
  runJob              TEXT NOT NULL DEFAULT '',   -- the job that began it
  runDirty            INTEGER NOT NULL DEFAULT 0, -- dirty, as consumed by runs that have not succeeded yet
  runWrote            INTEGER NOT NULL DEFAULT 0, -- such runs changed records
  -- When a sync run is due, and when the activity ends: derived, so that no write
  -- can forget them, and indexed, so that the scheduler reads what is due alone.
  dueAt     INTEGER NOT NULL GENERATED ALWAYS AS (max(
              CASE WHEN syncLoopEnd = 0 THEN 0 ELSE syncLoopEnd + syncFrequency END,
              CASE WHEN syncScheduled = 0 THEN 0
                   WHEN maxScheduleWaitTime > 0 THEN syncScheduled + maxScheduleWaitTime
                   ELSE syncScheduled + syncFrequency + backendListTimeout END)) VIRTUAL,
  expiresAt INTEGER NOT NULL GENERATED ALWAYS AS (lastAccessed + clientSyncTimeout) VIRTUAL
) STRICT;
CREATE INDEX clients_dataset ON fhsync_datasetClients (datasetId, id);
CREATE INDEX clients_due ON fhsync_datasetClients (dueAt) WHERE active = 1 AND stopped = 0;
CREATE INDEX clients_active ON fhsync_datasetClients (expiresAt) WHERE active = 1;
CREATE INDEX clients_idle ON fhsync_datasetClients (expiresAt) WHERE active = 0;

-- What holds for a dataset as a whole, its dataset clients to come included.
CREATE TABLE fhsync_datasets (
  datasetId TEXT PRIMARY KEY,
  stopped   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE fhsync_records (
  id        INTEGER PRIMARY KEY,
  datasetId TEXT NOT NULL,
  uid       TEXT NOT NULL,
  hash      TEXT NOT NULL,
  data      TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX records_uid ON fhsync_records (datasetId, uid);

-- Which dataset clients contain a record.
CREATE TABLE fhsync_refs (
  client INTEGER NOT NULL, -- fhsync_datasetClients.seq
  record INTEGER NOT NULL, -- fhsync_records.id
  PRIMARY KEY (client, record)
) STRICT, WITHOUT ROWID;
CREATE INDEX refs_record ON fhsync_refs (record, client);

CREATE TABLE fhsync_locks (
  name    TEXT PRIMARY KEY,
  holder  TEXT NOT NULL,
  token   INTEGER NOT NULL, -- grows with each holder; the row stays for its sake
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Numbers that never repeat.
CREATE TABLE fhsync_counters (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
