package simulation

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// mongoSeeds is how many seeds every test run simulates over the mongo engine.
const mongoSeeds = 20

// TestSimulationMongo simulates some over the engine whose operations are not atomic:
// processes die, stall and lose their connection also between two commands of one.
func TestSimulationMongo(t *testing.T) {
	simulateAll(t, onMongo(t), mongoSeeds)
}

func TestSameSeedSameRunMongo(t *testing.T) {
	sameRuns(t, onMongo(t), 1)
}

// undecided is an engine that marks a change done last: one that dies before has
// reported a result, and the change is there to be worked on.
type undecided struct {
	store.Store
	database *mongodriver.Database
}

func (u undecided) FinishChange(ctx context.Context, c store.Claim, o store.Outcome) error {
	err := u.Store.FinishChange(ctx, c, o)
	if err != nil {
		_, e := u.database.Collection(string(store.QueuePending)).UpdateMany(context.WithoutCancel(ctx),
			bson.M{"deleted": bson.M{"$exists": true}, "line": bson.M{"$exists": true}}, bson.M{"$unset": bson.M{"deleted": "", "outcome": ""}})
		err = errors.Join(err, e)
	}
	return err
}

func TestSimulationNoticesLateDecision(t *testing.T) {
	on := onMongo(t)
	whole := on.open
	on.open = func(s *sim) (store.Store, error) {
		st, err := whole(s)
		return undecided{st, s.database}, err
	}
	noticesOn(t, on, func() breakage { return breakage{} }, "has a second outcome")
}

// TestSimulationNoticesMissingSweep: nobody looks for lines without a head.
func TestSimulationNoticesMissingSweep(t *testing.T) {
	noticesOn(t, onMongo(t), func() breakage {
		return breakage{command: func(command string) error {
			if strings.HasPrefix(command, "aggregate ") {
				return errHiccup
			}
			return nil
		}, tune: func(w *workload) {
			w.stalls = stallClass("find " + string(store.QueuePending)) // before promote, where a line has no head
			w.weights[actKill], w.weights[actChange], w.weights[actEdit] = 5*usual[actKill], 2*usual[actChange], 2*usual[actEdit]
		}}
	}, "no worker finishes them")
}
