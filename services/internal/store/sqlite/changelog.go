package sqlite

import (
	"cmp"
	"context"
	"slices"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// storyLimit is how many stories a query gets that does not say.
const storyLimit = 100

// FindChanges tells what is known of changes; see store.ChangeLog. It reads one
// dataset after the other, each by an index.
func (s *Store) FindChanges(ctx context.Context, q store.ChangeQuery) ([]store.ChangeStory, error) {
	if q.Limit <= 0 {
		q.Limit = storyLimit
	}
	var stories []store.ChangeStory
	err := s.read(ctx, "find changes", func(tx session) error {
		datasets := []string{q.Dataset}
		if q.Dataset == "" {
			var err error
			if datasets, err = loggedDatasets(tx); err != nil {
				return err
			}
		}
		var found []story
		for _, dataset := range datasets {
			q.Dataset = dataset
			of, err := storiesOf(tx, q)
			if err != nil {
				return err
			}
			found = append(found, of...)
		}
		for _, one := range newest(found, q.Limit) {
			if err := one.complete(tx); err != nil {
				return err
			}
			stories = append(stories, one.ChangeStory)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return stories, nil
}

// loggedDatasets names the datasets with changes or results, by one look into an
// index for each: the index begins with the dataset.
func loggedDatasets(tx session) ([]string, error) {
	var all []string
	for _, next := range []string{
		"SELECT datasetId FROM fhsync_pending_queue INDEXED BY pending_device WHERE datasetId > ? ORDER BY datasetId LIMIT 1",
		"SELECT datasetId FROM fhsync_updates INDEXED BY updates_change WHERE datasetId > ? ORDER BY datasetId LIMIT 1",
	} {
		for dataset := ""; ; {
			more, err := tx.get([]any{&dataset}, next, dataset)
			if err != nil {
				return nil, err
			}
			if !more {
				break
			}
			all = append(all, dataset)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// storiesOf finds the stories of one dataset, at least the newest q.Limit of them.
func storiesOf(tx session, q store.ChangeQuery) ([]story, error) {
	seen := map[int64]bool{}
	var all []story
	for _, from := range sourcesOf(q) {
		found, err := collect(tx, scanStory, selectStory+from.where+" ORDER BY q.id DESC LIMIT ?", append(from.args, q.Limit)...)
		if err != nil {
			return nil, err
		}
		for _, one := range found {
			if !seen[one.id] {
				seen[one.id] = true
				all = append(all, one)
			}
		}
	}
	forgotten, err := forgottenStories(tx, q)
	return append(all, forgotten...), err
}

// source is one way to changes: the rest of a query by one index.
type source struct {
	where string
	args  []any
}

// aboutUID is the condition that a change is about a record; ” is about all.
const aboutUID = " AND ? IN ('', q.uid, q.recordUid, COALESCE(q.outcomeUid, ''))"

// sourcesOf chooses the narrowest ways: by device and hash, by hash, by device, or
// by the names that a record has.
func sourcesOf(q store.ChangeQuery) []source {
	switch {
	case q.CUID != "" && q.Hash != "":
		return []source{{"INDEXED BY pending_version WHERE q.datasetId = ? AND q.cuid = ? AND q.hash = ?" + aboutUID,
			[]any{q.Dataset, q.CUID, q.Hash, q.UID}}}
	case q.Hash != "":
		return []source{{"INDEXED BY pending_hash WHERE q.datasetId = ? AND q.hash = ?" + aboutUID, []any{q.Dataset, q.Hash, q.UID}}}
	case q.CUID != "":
		return []source{{"INDEXED BY pending_device WHERE q.datasetId = ? AND q.cuid = ?" + aboutUID, []any{q.Dataset, q.CUID, q.UID}}}
	}
	return []source{
		{"INDEXED BY pending_uid WHERE q.datasetId = ? AND q.uid = ?", []any{q.Dataset, q.UID}},
		{"INDEXED BY pending_outcome WHERE q.datasetId = ? AND q.outcomeUid = ?", []any{q.Dataset, q.UID}},
		{"INDEXED BY pending_record WHERE q.datasetId = ? AND q.recordUid = ? AND q.deleted IS NULL", []any{q.Dataset, q.UID}},
	}
}

// newest sorts stories and keeps the first ones. One that the log forgot counts by
// the time of its result.
func newest(all []story, limit int) []story {
	slices.SortFunc(all, func(a, b story) int {
		return cmp.Or(b.since().Compare(a.since()), cmp.Compare(b.id, a.id))
	})
	return all[:min(limit, len(all))]
}

// RecordViews tells where a record stands; see store.ChangeLog.
func (s *Store) RecordViews(ctx context.Context, dataset, uid string) (hash string, clients []string, err error) {
	err = s.read(ctx, "read where a record stands", func(tx session) error {
		var id int64
		found, err := tx.get([]any{&id, &hash}, "SELECT id, hash FROM fhsync_records WHERE datasetId = ? AND uid = ?", dataset, uid)
		if err != nil || !found {
			return err
		}
		clients, err = collect(tx, func(row scanner) (client string, err error) {
			return client, row.Scan(&client)
		}, `SELECT c.id FROM fhsync_refs AS f JOIN fhsync_datasetClients AS c ON c.seq = f.client
			WHERE f.record = ? ORDER BY c.id`, id)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	return hash, clients, nil
}
