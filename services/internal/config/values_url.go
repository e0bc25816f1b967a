package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// URL is an address that may hold a password. Printed it shows none; string(u) is
// the address as it is.
type URL string

// String returns the address with its password, and options that are as secret,
// replaced by xxxxx.
func (u URL) String() string {
	scheme, rest, ok := strings.Cut(string(u), "://")
	if !ok {
		if u == "" {
			return ""
		}
		return hiddenText // whatever it is
	}
	rest, query, _ := strings.Cut(rest, "?")
	// The last @, since a password may hold one that should have been escaped.
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, _, hasPassword := strings.Cut(rest[:i], ":")
		if hasPassword {
			user += ":" + hiddenText
		}
		rest = user + rest[i:]
	}
	text := scheme + "://" + rest
	if query == "" {
		return text
	}
	if strings.Contains(query, "@") { // the password held a ?
		return scheme + "://" + hiddenText
	}
	options := strings.Split(query, "&")
	for i, option := range options {
		key, _, _ := strings.Cut(option, "=")
		if secretOption(key) {
			options[i] = key + "=" + hiddenText
		}
	}
	return text + "?" + strings.Join(options, "&")
}

const hiddenText = "xxxxx"

func secretOption(key string) bool {
	key = strings.ToLower(key)
	for _, part := range []string{"password", "secret", "token", "authmechanismproperties"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}

// Redact takes the address and its password out of a text, such as a library's
// error message.
func (u URL) Redact(text string) string {
	if u == "" {
		return text
	}
	text = strings.ReplaceAll(text, string(u), u.String())
	if _, rest, ok := strings.Cut(string(u), "://"); ok {
		rest, _, _ = strings.Cut(rest, "/")
		if i := strings.LastIndexByte(rest, '@'); i >= 0 {
			if _, password, _ := strings.Cut(rest[:i], ":"); password != "" {
				text = strings.ReplaceAll(text, password, hiddenText)
			}
		}
	}
	return text
}

// urlValue is a URL. Its errors do not tell it.
type urlValue struct {
	p      *URL
	valid  func(string) error
	wanted string
}

func (v urlValue) String() string        { return string(*v.p) }
func (v urlValue) shown() string         { return v.p.String() }
func (v urlValue) kind() string          { return "URL" }
func (v urlValue) want() string          { return v.wanted }
func (v urlValue) set(text string) error { return assign(v, v.p, URL(text)) }
func (v urlValue) check() error          { return v.valid(string(*v.p)) }

func mongodbURL(p *URL) urlValue {
	return urlValue{p, checkMongodbURL, "mongodb://USER:PASSWORD@HOST:PORT/DATABASE or mongodb+srv://..., with %-codes for special characters in a password"}
}

// checkMongodbURL finds what is wrong with the address of a MongoDB, without
// looking anything up.
func checkMongodbURL(text string) error {
	if text == "" {
		return nil
	}
	scheme, rest, _ := strings.Cut(text, "://")
	if scheme != "mongodb" && scheme != "mongodb+srv" {
		return errors.New("it does not begin with mongodb:// or mongodb+srv://")
	}
	rest, _, _ = strings.Cut(rest, "?")
	hosts, path, _ := strings.Cut(rest, "/")
	if strings.Contains(path, "@") {
		return errors.New("its user name or password holds a / that is not written as %2F")
	}
	if i := strings.LastIndexByte(hosts, '@'); i >= 0 {
		user, password, _ := strings.Cut(hosts[:i], ":")
		for _, part := range []string{user, password} {
			if _, err := url.PathUnescape(part); err != nil || strings.ContainsAny(part, "@:") {
				return errors.New("its user name or password holds a special character that is not written as a %-code")
			}
		}
		hosts = hosts[i+1:]
	}
	list := strings.Split(hosts, ",")
	if scheme == "mongodb+srv" && (len(list) > 1 || strings.Contains(hosts, ":")) {
		return errors.New("mongodb+srv:// takes one host and no port")
	}
	for _, host := range list {
		if err := checkHost(host); err != nil {
			return err
		}
	}
	if database, err := url.PathUnescape(path); err != nil || databaseName(database) != nil {
		return errors.New("its database has a name that MongoDB does not take")
	}
	return nil
}

func checkHost(text string) error {
	host, port := text, "27017"
	if strings.Contains(strings.TrimPrefix(text, "["), ":") && !strings.HasSuffix(text, "]") {
		var err error
		if host, port, err = net.SplitHostPort(text); err != nil {
			return fmt.Errorf("%q is no HOST:PORT", text)
		}
	}
	if host == "" {
		return errors.New("a host is missing")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q is no port", port)
	}
	return nil
}

// databaseName accepts what MongoDB takes for the name of a database, and nothing.
func databaseName(text string) error {
	if strings.ContainsAny(text, "/\\. \"$*<>:|?\x00") || len(text) > 63 {
		return fmt.Errorf("%q is none", text)
	}
	return nil
}

// Database is where the sync state is.
func (s Store) Database() string { return database(s.MongodbDatabase, s.MongodbURL) }

// Source is the MongoDB of `tandem adapter mongo`, where s is the store's.
func (a AdapterServer) Source(s Store) (URL, string) {
	if a.MongodbURL == "" {
		a.MongodbURL = s.MongodbURL
		if a.MongodbDatabase == "" {
			a.MongodbDatabase = s.MongodbDatabase
		}
	}
	return a.MongodbURL, database(a.MongodbDatabase, a.MongodbURL)
}

func database(name string, u URL) string {
	if name != "" {
		return name
	}
	_, rest, _ := strings.Cut(string(u), "://")
	rest, _, _ = strings.Cut(rest, "?")
	_, path, _ := strings.Cut(rest, "/")
	if name, err := url.PathUnescape(path); err == nil && name != "" {
		return name
	}
	return "tandem"
}
