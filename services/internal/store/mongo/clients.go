package mongo

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// Of a dataset client, id to syncCompleted are the reference server's (globalHash is
// the content hash, without the revision; config in seconds). Beside them stand
//
//	revision, completedRunStart, wanted  see record.DatasetClient
//	dirty      when a change was last finished, 0: not since the last run began
//	runToken   of the run under way, 0: none
//	runJob     the job that began it
//	runDirty   dirty, as consumed by runs that have not succeeded yet
//	runWrote   such runs changed records
//	runShared  dataset clients whose revision must grow: their records were changed
//	dueAt      not later than DatasetClient.Due: the scheduler looks then
//	expiresAt  not later than lastAccessed + clientSyncTimeout
//	collided   collisions counted lately
//
// The _id is the id.

func clientOf(d bson.Raw) record.DatasetClient {
	c := record.DatasetClient{
		ID: text(d, "id"), Dataset: text(d, "datasetId"), QueryParams: jsonOf(d, "queryParams"), MetaData: jsonOf(d, "metaData"),
		Config: configOf(d), ContentHash: text(d, "globalHash"), Revision: number(d, "revision"), CollisionCount: number(d, "collisionCount"),
		Active: flag(d, "active"), Stopped: flag(d, "stopped"), LastAccessed: timeOf(number(d, "lastAccessed")),
		SyncScheduled: timeOf(number(d, "syncScheduled")), SyncLoopStart: timeOf(number(d, "syncLoopStart")),
		SyncLoopEnd: timeOf(number(d, "syncLoopEnd")), SyncCompleted: flag(d, "syncCompleted"), Wanted: timeOf(number(d, "wanted")),
		CompletedRunStart: timeOf(number(d, "completedRunStart")),
	}
	return c
}

// seconds is how the reference server keeps durations.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

func configDoc(c record.SyncConfig) bson.D {
	return bson.D{is("syncFrequency", seconds(c.SyncFrequency)), is("clientSyncTimeout", seconds(c.ClientSyncTimeout)),
		is("backendListTimeout", seconds(c.BackendListTimeout)), is("maxScheduleWaitTime", seconds(c.MaxScheduleWaitTime)),
		is("syncOnChangeGap", seconds(c.ChangeGap))}
}

// configOf reads the configuration; the defaults where a reference server kept none.
func configOf(d bson.Raw) record.SyncConfig {
	if !has(d, "config") {
		return record.DefaultSyncConfig()
	}
	read := func(field string) time.Duration {
		f, _ := d.Lookup("config", field).AsFloat64OK()
		return (time.Duration(f*1000+0.5) * time.Millisecond)
	}
	return record.SyncConfig{SyncFrequency: read("syncFrequency"), ClientSyncTimeout: read("clientSyncTimeout"),
		BackendListTimeout: read("backendListTimeout"), MaxScheduleWaitTime: read("maxScheduleWaitTime"), ChangeGap: read("syncOnChangeGap")}
}

// expiry is when the activity of a dataset client ends.
func expiry(c record.DatasetClient) time.Time { return c.LastAccessed.Add(c.Config.ClientSyncTimeout) }

// readClient reads one dataset client, nil when there is none.
func (s *Store) readClient(ctx context.Context, id string) (bson.Raw, error) {
	return s.clients().one(ctx, bson.D{is("_id", name(id))})
}

// SyncState reads what a sync request needs; see store.DatasetClients.
func (s *Store) SyncState(ctx context.Context, clientID, dataset, cuid string, limit int) (*record.DatasetClient, []record.Update, error) {
	d, err := s.readClient(ctx, clientID)
	if err != nil {
		return nil, nil, translate("read the sync state", err)
	}
	var client *record.DatasetClient
	if d != nil {
		c := clientOf(d)
		client = &c
	}
	if cuid == "" {
		return client, nil, nil
	}
	updates, err := s.ListUpdates(ctx, dataset, cuid, limit)
	if err != nil {
		return nil, nil, err
	}
	return client, updates, nil
}

// DatasetClient reads one; see store.DatasetClients.
func (s *Store) DatasetClient(ctx context.Context, id string) (record.DatasetClient, error) {
	d, err := s.readClient(ctx, id)
	if err == nil && d == nil {
		err = store.ErrNotFound
	}
	if err != nil {
		return record.DatasetClient{}, translate(fmt.Sprintf("read dataset client %q", id), err)
	}
	return clientOf(d), nil
}

// ListDatasetClients lists by id; see store.DatasetClients.
func (s *Store) ListDatasetClients(ctx context.Context, dataset string) ([]record.DatasetClient, error) {
	filter := bson.D{}
	if dataset != "" {
		filter = bson.D{is("datasetId", dataset)}
	}
	docs, err := s.clients().all(ctx, filter, find().SetSort(bson.D{is("_id", 1)}))
	if err != nil {
		return nil, translate("list dataset clients", err)
	}
	var all []record.DatasetClient
	for _, d := range docs {
		all = append(all, clientOf(d))
	}
	return all, nil
}

// TouchDatasetClients notes accesses; see store.DatasetClients. A touch without
// a time happened now; one without meta data or query parameters leaves those of before.
func (s *Store) TouchDatasetClients(ctx context.Context, touches []store.Touch) error {
	if len(touches) == 0 {
		return ctx.Err()
	}
	const what = "touch dataset clients"
	writes := make([]mongo.WriteModel, len(touches))
	for i, t := range touches {
		// In the common case it is there, active, and configured as before.
		writes[i] = mongo.NewUpdateOneModel().SetFilter(bson.D{is("_id", name(t.ID)), is("active", true), is("config", configDoc(t.Config))}).
			SetUpdate(s.touch(t))
	}
	result, err := s.clients().bulk(ctx, writes)
	if err != nil || int(result.MatchedCount) == len(touches) {
		return translate(what, err)
	}
	for _, t := range touches {
		if err := s.makeClient(ctx, t); err != nil {
			return translate(what, err)
		}
	}
	return nil
}

// touch is the update of an access, whatever was there before.
func (s *Store) touch(t store.Touch) bson.D {
	at := t.At
	if at.IsZero() {
		at = s.now()
	}
	update := bson.D{is("$max", bson.D{is("lastAccessed", millis(at))})}
	var fields bson.D
	if len(t.QueryParams) > 0 {
		fields = append(fields, is("queryParams", jsonValue(t.QueryParams)))
	}
	if len(t.MetaData) > 0 {
		fields = append(fields, is("metaData", jsonValue(t.MetaData)))
	}
	if len(fields) > 0 {
		update = append(update, is("$set", fields))
	}
	return update
}

// makeClient makes a dataset client, or brings one up to date: active, with this
// configuration, and to be looked at by the scheduler at once.
func (s *Store) makeClient(ctx context.Context, t store.Touch) error {
	if err := s.prepareDataset(ctx, t.Dataset); err != nil {
		return err
	}
	stopped, err := s.isStopped(ctx, t.Dataset)
	if err != nil {
		return err
	}
	update := s.touch(t)
	fresh := bson.D{is("id", name(t.ID)), is("datasetId", t.Dataset), is("stopped", stopped)}
	fresh = append(fresh, freshFields()...)
	update = append(update, is("$setOnInsert", fresh))
	always := []bson.E{is("active", true), is("config", configDoc(t.Config)), is("dueAt", int64(0)), is("expiresAt", int64(0))}
	for i := range update {
		if update[i].Key == "$set" {
			update[i].Value = append(update[i].Value.(bson.D), always...)
			always = nil
		}
	}
	if always != nil {
		update = append(update, set(always...))
	}
	made, err := s.clients().upsert(ctx, bson.D{is("_id", name(t.ID))}, update)
	if err != nil || !made {
		return err
	}
	// The dataset may have been stopped or started since: whoever did that has not
	// seen this dataset client.
	now, err := s.isStopped(ctx, t.Dataset)
	if err == nil && now != stopped {
		_, err = s.clients().update(ctx, bson.D{is("_id", name(t.ID))}, bson.D{set(is("stopped", now))})
	}
	return err
}

// freshFields are those that writes compare with, so that they are always there.
func freshFields() bson.D {
	return bson.D{is("collisionCount", int64(0)), is("globalHash", ""), is("revision", int64(0)), is("syncScheduled", nil),
		is("syncLoopStart", int64(0)), is("syncLoopEnd", int64(0)), is("syncCompleted", false), is("completedRunStart", int64(0)),
		is("wanted", int64(0)), is("dirty", int64(0)), is("runToken", int64(0)), is("runJob", ""), is("runDirty", false), is("runWrote", false)}
}

func (s *Store) isStopped(ctx context.Context, dataset string) (bool, error) {
	d, err := s.coll(collDatasets).one(ctx, bson.D{is("_id", dataset)})
	return flag(d, "stopped"), err
}

// SetStopped stops or starts a dataset; see store.DatasetClients. A start forgets
// what was scheduled before the stop, so that it need not be waited for.
func (s *Store) SetStopped(ctx context.Context, dataset string, stopped bool) (int64, error) {
	const what = "stop or start a dataset"
	if _, err := s.coll(collDatasets).upsert(ctx, bson.D{is("_id", dataset)}, bson.D{set(is("stopped", stopped))}); err != nil {
		return 0, translate(what, err)
	}
	fields := []bson.E{is("stopped", stopped)}
	if !stopped {
		fields = append(fields, is("syncScheduled", nil), is("dueAt", int64(0)))
	}
	if _, err := s.clients().updateAll(ctx, bson.D{is("datasetId", dataset), op("stopped", "$ne", stopped)}, bson.D{set(fields...)}); err != nil {
		return 0, translate(what, err)
	}
	n, err := s.clients().count(ctx, bson.D{is("datasetId", dataset)})
	return n, translate(what, err)
}
