package config

import (
	"errors"
	"maps"
	"slices"
)

// Validate names every key whose value is out of bounds, or does not go with
// another's.
func (c Config) Validate() error {
	var errs []error
	errs = append(errs, checkAll("", settings(&c))...)
	for _, id := range slices.Sorted(maps.Keys(c.Datasets.ByID)) {
		dataset := c.Datasets.ByID[id]
		errs = append(errs, checkAll(datasetsKey+"."+id+".", datasetSettings(&dataset))...)
	}
	if c.Scheduler.LockMaxTime <= c.Scheduler.Interval {
		errs = append(errs, &BadValueError{
			Key:     "schedulerLockMaxTime",
			Problem: formatDuration(c.Scheduler.LockMaxTime) + " would end between two passes of the scheduler",
			Want:    "more than schedulerInterval (" + formatDuration(c.Scheduler.Interval) + ")",
		})
	}
	return errors.Join(errs...)
}

func checkAll(prefix string, list []setting) []error {
	var errs []error
	for _, s := range list {
		if err := s.value.check(); err != nil {
			errs = append(errs, &BadValueError{Key: prefix + s.Key, Problem: err.Error(), Want: s.value.want()})
		}
	}
	return errs
}
