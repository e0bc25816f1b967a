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
		errs = append(errs, checkAll(datasetsKey+"."+id+".", listedSettings(&dataset))...)
	}
	if c.Scheduler.LockMaxTime <= c.Scheduler.Interval {
		errs = append(errs, &BadValueError{
			Key:     "schedulerLockMaxTime",
			Problem: formatDuration(c.Scheduler.LockMaxTime) + " would end between two passes of the scheduler",
			Want:    "more than schedulerInterval (" + formatDuration(c.Scheduler.Interval) + ")",
		})
	}
	for _, pair := range []struct{ certKey, cert, keyKey, key string }{
		{"adapterCertFile", c.Adapters.CertFile, "adapterKeyFile", c.Adapters.KeyFile},
		{"adapterListenCertFile", c.AdapterServer.CertFile, "adapterListenKeyFile", c.AdapterServer.KeyFile},
	} {
		if (pair.cert == "") != (pair.key == "") {
			errs = append(errs, &BadValueError{Key: pair.certKey, Problem: "one of a certificate and its key is missing", Want: "both " + pair.certKey + " and " + pair.keyKey + ", or neither"})
		}
	}
	if c.Adapters.CertFile != "" && c.Adapters.CAFile == "" {
		errs = append(errs, &BadValueError{Key: "adapterCertFile", Problem: "adapters are called in plain text", Want: "adapterCaFile as well (system for the machine's authorities)"})
	}
	if c.AdapterServer.ClientCAFile != "" && c.AdapterServer.CertFile == "" {
		errs = append(errs, &BadValueError{Key: "adapterListenCaFile", Problem: "the adapter serves plain text", Want: "adapterListenCertFile as well"})
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
