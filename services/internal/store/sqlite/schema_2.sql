-- syncOnChange: a change that was applied asks for sync runs before their time
-- (record.DatasetClient.Due).
ALTER TABLE fhsync_datasetClients ADD COLUMN wanted INTEGER NOT NULL DEFAULT 0; -- 0: no wish
ALTER TABLE fhsync_datasetClients ADD COLUMN changeGap INTEGER NOT NULL DEFAULT 1000; -- config, ms

-- The rule of schema 1 with wishes in it.
DROP INDEX clients_due;
ALTER TABLE fhsync_datasetClients DROP COLUMN dueAt;
ALTER TABLE fhsync_datasetClients ADD COLUMN dueAt INTEGER NOT NULL GENERATED ALWAYS AS (max(
  CASE WHEN syncLoopEnd = 0 THEN 0
       WHEN wanted = 0 THEN syncLoopEnd + syncFrequency
       ELSE min(syncLoopEnd + syncFrequency,
                max(wanted, syncLoopStart + changeGap, syncLoopEnd + (syncLoopEnd - syncLoopStart))) END,
  CASE WHEN syncScheduled = 0 THEN 0
       WHEN maxScheduleWaitTime > 0 THEN syncScheduled + maxScheduleWaitTime
       ELSE syncScheduled + syncFrequency + backendListTimeout END)) VIRTUAL;
CREATE INDEX clients_due ON fhsync_datasetClients (dueAt) WHERE active = 1 AND stopped = 0;

-- Finds the dataset clients that a wish changes, and not those that have one already.
CREATE INDEX clients_wanted ON fhsync_datasetClients (datasetId, wanted) WHERE active = 1;
