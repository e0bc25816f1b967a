package wire

import "github.com/tandem-sync/tandem/services/internal/record"

// MaxDatasetID is how many bytes a dataset id may have.
const MaxDatasetID = record.MaxDatasetID

// DatasetIDRule says in words which dataset ids CheckDatasetID takes.
const DatasetIDRule = record.DatasetIDRule

// CheckDatasetID is record.CheckDatasetID. Error: an *Error with status 400.
func CheckDatasetID(id string) error {
	if err := record.CheckDatasetID(id); err != nil {
		return badRequest("%v", err)
	}
	return nil
}
