package record

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxDatasetID is how many bytes a dataset id may have.
const MaxDatasetID = 100

// DatasetIDRule says in words which dataset ids CheckDatasetID takes.
const DatasetIDRule = "1 to 100 bytes of letters, digits, '_', '-' and '.', the first a letter or digit, " +
	"the last no '.', and no '..'"

// objectNames are properties that each JavaScript object has: a server or client
// that keeps datasets in an object would find those instead of a dataset.
// Those that begin with an underscore are refused for that.
var objectNames = []string{
	"constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "prototype",
	"toLocaleString", "toString", "valueOf",
}

// CheckDatasetID tells whether id may name a dataset: DatasetIDRule holds, and it
// can't address a collection that is not the dataset's own (protocol section 6).
// Letters and digits are those of Unicode. The error says what is wrong in words.
func CheckDatasetID(id string) error {
	lower := strings.ToLower(id)
	switch {
	case id == "":
		return fmt.Errorf("the dataset id is empty; it has %s", DatasetIDRule)
	case len(id) > MaxDatasetID:
		return fmt.Errorf("the dataset id is %d bytes long; it has %s", len(id), DatasetIDRule)
	case !utf8.ValidString(id):
		return fmt.Errorf("dataset id %.40q is not UTF-8", id)
	case slices.Contains(objectNames, id) || strings.HasPrefix(id, "__"):
		return fmt.Errorf("dataset id %.40q is a name that JavaScript objects own", id)
	case strings.HasPrefix(lower, "system."):
		return fmt.Errorf(`dataset id %.40q: names that begin with "system." belong to the database`, id)
	case strings.HasPrefix(lower, "fhsync_"):
		return fmt.Errorf(`dataset id %.40q: names that begin with "fhsync_" belong to the sync server`, id)
	case strings.HasSuffix(lower, "_collision"):
		return fmt.Errorf(`dataset id %.40q: names that end in "_collision" hold the collisions of a dataset`, id)
	case strings.HasSuffix(id, ".") || strings.Contains(id, ".."):
		return fmt.Errorf("dataset id %.40q: a '.' stands between other characters; it has %s", id, DatasetIDRule)
	}
	for i, r := range id {
		known := unicode.IsLetter(r) || unicode.IsDigit(r)
		if !known && (i == 0 || !strings.ContainsRune("_-.", r)) {
			return fmt.Errorf("dataset id %.40q: %q can't stand there; it has %s", id, r, DatasetIDRule)
		}
	}
	return nil
}
