-- Tries that ended without a clear answer: the change may be in effect. given counts
-- those that were given back with one; what else is counted in tries ran out.
ALTER TABLE fhsync_pending_queue ADD COLUMN given INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fhsync_pending_queue ADD COLUMN unsure INTEGER NOT NULL DEFAULT 0;
