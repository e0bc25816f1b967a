package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/auth"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
)

// Codes of servers, by what they mean for a change.
func notNowCodes() []int {
	return []int{
		6, 7, 89, 9001, // the network, between servers
		91, 189, 10107, 11600, 11602, 13388, 13435, 13436, 234, 63, // a server stops, or is no longer the primary
		50, 262, // out of time
		64, 100, 133, 134, // not enough members for majority or primary
		112, 24, 46, // in use
		16500,            // too many requests (Cosmos DB)
		13, 18, 33, 8000, // rights and passwords: for the operator to mend, not the device's fault
	}
}

func tooLargeCodes() []int { return []int{10334, 17419, 17420, 17280} }

func refusalCodes() []int {
	return []int{
		121,        // a validation rule of the collection
		52, 55, 57, // names of fields that this server does not take
		15,  // nested too deep
		166, // what the collection is: a view, time series
	}
}

// failure sorts out errors: those with a meaning pass, what the database can't do now is worth another
// try, and what it will never take is refused. dataset is "" for none.
func failure(dataset string, err error) error {
	var coded interface{ GRPCStatus() *status.Status }
	switch {
	case err == nil,
		errors.Is(err, adapter.ErrNotFound), errors.Is(err, adapter.ErrConflict),
		errors.Is(err, context.Canceled), errors.As(err, &coded):
		return err
	}
	named := fmt.Errorf("database: %w", err)
	if dataset != "" {
		named = fmt.Errorf("dataset %s: %w", dataset, named)
	}
	switch {
	case mongo.IsDuplicateKeyError(err):
		return adapter.Refuse(fmt.Sprintf("dataset %s: another record has the same value where the database allows one only: %v", dataset, err))
	case errors.Is(err, mongo.ErrClientDisconnected), errors.Is(err, context.DeadlineExceeded),
		mongo.IsTimeout(err), mongo.IsNetworkError(err), unconnected(err):
		return adapter.RetryLater(named)
	}
	var server mongo.ServerError
	if !errors.As(err, &server) {
		return named
	}
	has := func(codes []int) bool { return slices.ContainsFunc(codes, server.HasErrorCode) }
	switch {
	case has(tooLargeCodes()):
		return tooLarge(dataset)
	case has(notNowCodes()), server.HasErrorLabel("RetryableWriteError"), server.HasErrorLabel("TransientTransactionError"):
		return adapter.RetryLater(named)
	case has(refusalCodes()):
		return adapter.Refuse(named.Error())
	}
	var write mongo.WriteException
	if errors.As(err, &write) && write.WriteConcernError != nil && len(write.WriteErrors) == 0 {
		return adapter.RetryLater(named) // written, but not yet safe; the repetition finds it
	}
	return named
}

// unconnected tells whether no connection could be had, be it for a password that is wrong: for the operator
// to mend, and not the device's fault.
func unconnected(err error) bool {
	var connection topology.ConnectionError
	var selection topology.ServerSelectionError
	var pool topology.PoolError
	var login *auth.Error
	return errors.As(err, &connection) || errors.As(err, &selection) || errors.As(err, &pool) || errors.As(err, &login)
}

func tooLarge(dataset string) error {
	return adapter.Refuse(fmt.Sprintf("dataset %s: the record is too large: the database takes 16 MB for a document, "+
		"and for what it held and what changes together", dataset))
}
