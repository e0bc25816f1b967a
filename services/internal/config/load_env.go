package config

import (
	"regexp"
	"strings"

	"github.com/spf13/pflag"
)

const (
	fileFlag = "config"
	fileEnv  = envPrefix + "CONFIG"

	// testPrefix begins the variables by which tests are steered.
	testPrefix = envPrefix + "TEST_"
)

// serviceLink matches what Kubernetes puts into the environment of a pod for a
// Service whose name begins with "tandem": it must not stop the pod.
var serviceLink = regexp.MustCompile(`_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$`)

// readEnviron takes over the variables that begin with TANDEM_; an empty one
// counts as not set.
func (l *loader) readEnviron(environ []string) {
	keys := map[string]string{envName(datasetsKey): datasetsKey}
	for key := range l.known {
		keys[envName(key)] = key
	}
	for _, variable := range environ {
		name, text, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, envPrefix) || strings.HasPrefix(name, testPrefix) || name == fileEnv || text == "" {
			continue
		}
		source := "environment " + name
		switch key, known := keys[name]; {
		case key == datasetsKey:
			l.datasetsText(text, source)
		case known && !(serviceLink.MatchString(name) && strings.Contains(text, "://")):
			l.apply(l.known[key], source, func() error { return l.known[key].value.set(text) })
		case !serviceLink.MatchString(name):
			l.errs = append(l.errs, &UnknownKeyError{Key: name, Source: "environment", Nearest: nearest(name, keys)})
		}
	}
}

// readFlags takes over the flags that were given.
func (l *loader) readFlags(flags *pflag.FlagSet) {
	flags.Visit(func(f *pflag.Flag) {
		given, ok := f.Value.(*flagText)
		if !ok {
			return
		}
		source := "flag --" + f.Name
		if given.key == datasetsKey {
			l.datasetsText(given.text, source)
			return
		}
		s := l.known[given.key]
		l.apply(s, source, func() error { return s.value.set(given.text) })
	})
}
