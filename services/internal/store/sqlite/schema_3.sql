-- FindChanges: what became of a change, asked by people. The first three find it by
-- what they know of it, the last when its result was acknowledged.
CREATE INDEX pending_hash ON fhsync_pending_queue (datasetId, hash);
CREATE INDEX pending_uid ON fhsync_pending_queue (datasetId, uid);
CREATE INDEX pending_outcome ON fhsync_pending_queue (datasetId, outcomeUid) WHERE outcomeUid IS NOT NULL;
CREATE INDEX ack_change ON fhsync_ack_queue (datasetId, cuid, hash) WHERE deleted IS NOT NULL;
