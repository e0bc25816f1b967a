package config

import (
	"errors"

	"github.com/spf13/pflag"
)

// flagText is a flag's text, kept until Load reads it: what a flag means is told
// only when the weaker sources are known.
type flagText struct{ key, kind, text string }

// String implements pflag.Value.
func (f *flagText) String() string { return f.text }

// Type implements pflag.Value.
func (f *flagText) Type() string { return f.kind }

// Set implements pflag.Value.
func (f *flagText) Set(text string) error {
	f.text = text
	return nil
}

// AddFlags adds a flag for each setting, and --config for the file.
func AddFlags(flags *pflag.FlagSet) {
	flags.String(fileFlag, "", "YAML `file` with settings")
	defaults := Default()
	for _, s := range settings(&defaults) {
		doc := s.Doc
		if s.unused {
			doc += " (Accepted, not used.)"
		}
		flag := flags.VarPF(&flagText{s.Key, s.value.kind(), s.value.String()}, flagName(s.Key), "", doc)
		if s.value.kind() == "bool" {
			flag.NoOptDefVal = "true"
		}
	}
	flags.Var(&flagText{key: datasetsKey, kind: "yaml"}, flagName(datasetsKey), datasetsDoc)
}

// FlagError adds the nearest flag to the error that pflag gives for an unknown
// one; any other error stays as it is.
func FlagError(flags *pflag.FlagSet, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return err
	}
	names := map[string]string{}
	flags.VisitAll(func(f *pflag.Flag) { names["--"+f.Name] = f.Name })
	name := "--" + unknown.GetSpecifiedName()
	return &UnknownKeyError{Key: name, Source: "command line", Nearest: nearest(name, names)}
}
