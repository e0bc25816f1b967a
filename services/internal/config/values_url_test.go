package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestURLShowsNoPassword(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "",
		"mongodb://h1:27017,h2/sync":        "mongodb://h1:27017,h2/sync",
		"mongodb://u:p%40ss@h1,h2:1/db?w=1": "mongodb://u:xxxxx@h1,h2:1/db?w=1",
		"mongodb://u@h":                     "mongodb://u@h",
		"mongodb://u:hush@rest@h/db":        "mongodb://u:xxxxx@h/db",
		"mongodb://u:hu/sh@h/db":            "mongodb://u:xxxxx@h/db",
		"mongodb://u:hu?sh@h/db":            "mongodb://xxxxx",
		"hush":                              "xxxxx",
		"mongodb://h/?tlsCertificateKeyFilePassword=hush&w=1":                  "mongodb://h/?tlsCertificateKeyFilePassword=xxxxx&w=1",
		"mongodb://h/?authMechanismProperties=AWS_SESSION_TOKEN:hush&ssl=true": "mongodb://h/?authMechanismProperties=xxxxx&ssl=true",
	} {
		if got := URL(text).String(); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	u := URL("mongodb://u:hush@h/db")
	if got := u.Redact("dial " + string(u) + ": hush refused"); got != "dial mongodb://u:xxxxx@h/db: xxxxx refused" {
		t.Error(got)
	}
}

func TestMongodbURL(t *testing.T) {
	for _, good := range []string{
		"", "mongodb://h", "mongodb://h1:1,h2:65535/db?replicaSet=rs", "mongodb+srv://u:p%2Fw@cluster.example/db",
		"mongodb://[::1]:27017,[::2]", "mongodb://u:@h/", "mongodb://%2Ftmp%2Fmongodb-27017.sock/db",
	} {
		if err := checkMongodbURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, says := range map[string]string{
		"localhost:27017":        "mongodb://",
		"http://h":               "mongodb://",
		"mongodb://":             "host is missing",
		"mongodb://h1,,h2":       "host is missing",
		"mongodb://h:port":       "no port",
		"mongodb://h:0":          "no port",
		"mongodb://h:1:2":        "HOST:PORT",
		"mongodb+srv://h:27017":  "one host and no port",
		"mongodb+srv://h,h2":     "one host and no port",
		"mongodb://h/a.b":        "database",
		"mongodb://u:hush/p@h":   "%2F",
		"mongodb://u:hush@p@h":   "%-code",
		"mongodb://u:hush%zzp@h": "%-code",
	} {
		_, _, err := Load(Sources{Environ: []string{"TANDEM_MONGODB_URL=" + bad}})
		if err == nil || !strings.Contains(err.Error(), "mongodbUrl (environment TANDEM_MONGODB_URL)") || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want it to say %q", bad, err, says)
		} else if strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: the error tells the password: %v", bad, err)
		}
	}
}

func TestDatabase(t *testing.T) {
	for _, c := range []struct {
		url  URL
		name string
		want string
	}{
		{"mongodb://h", "", "tandem"},
		{"mongodb://h/?w=1", "", "tandem"},
		{"mongodb://u:p@h1,h2/fh%2Dsync?w=1", "", "fh-sync"},
		{"mongodb://h/other", "mine", "mine"},
	} {
		if got := (Store{MongodbURL: c.url, MongodbDatabase: c.name}).Database(); got != c.want {
			t.Errorf("%v: got %s", c, got)
		}
	}
	store := Store{MongodbURL: "mongodb://h/sync", MongodbDatabase: "other"}
	if u, name := (AdapterServer{}).Source(store); u != store.MongodbURL || name != "other" {
		t.Errorf("got %s %s", u, name)
	}
	if _, name := (AdapterServer{MongodbDatabase: "mine"}).Source(store); name != "mine" {
		t.Errorf("got %s", name)
	}
	if u, name := (AdapterServer{MongodbURL: "mongodb://own"}).Source(store); u != "mongodb://own" || name != "tandem" {
		t.Errorf("got %s %s", u, name)
	}
}

// TestOtherNames is about the variables of a reference server's deployment.
func TestOtherNames(t *testing.T) {
	const a, b = "mongodb://u:hush@a/db", "mongodb://u:hush@b/db"
	for name, c := range map[string]struct {
		file    string
		environ []string
		args    []string
		want    Setting
		note    string
	}{
		"the last alone": {environ: []string{"MONGO_CONNECTION_URL=" + a}, want: Setting{Value: "mongodb://u:xxxxx@a/db", Source: "environment MONGO_CONNECTION_URL"}},
		"their order": {
			environ: []string{"MONGO_CONNECTION_URL=" + b, "FH_MONGODB_CONN_URL=" + a, "SYNC_MONGODB_URL="},
			want:    Setting{Value: "mongodb://u:xxxxx@a/db", Source: "environment FH_MONGODB_CONN_URL"},
			note:    "setting mongodbUrl is taken from environment FH_MONGODB_CONN_URL; what environment MONGO_CONNECTION_URL says differs and does not count",
		},
		"all the same": {
			environ: []string{"TANDEM_MONGODB_URL=" + a, "SYNC_MONGODB_URL=" + a, "FH_MONGODB_CONN_URL=" + a},
			want:    Setting{Value: "mongodb://u:xxxxx@a/db", Source: "environment TANDEM_MONGODB_URL"},
		},
		"the own one wins": {
			environ: []string{"SYNC_MONGODB_URL=" + a, "TANDEM_MONGODB_URL=" + b, "MONGO_CONNECTION_URL=junk"},
			want:    Setting{Value: "mongodb://u:xxxxx@b/db", Source: "environment TANDEM_MONGODB_URL"},
			note:    "setting mongodbUrl is taken from environment TANDEM_MONGODB_URL; what environment SYNC_MONGODB_URL and environment MONGO_CONNECTION_URL says differs and does not count",
		},
		"also from the file": {
			file: "mongodbUrl: " + b, environ: []string{"SYNC_MONGODB_URL=" + a},
			want: Setting{Value: "mongodb://u:xxxxx@b/db", Source: "file config.yaml:1"},
			note: "setting mongodbUrl is taken from file config.yaml:1; what environment SYNC_MONGODB_URL says differs and does not count",
		},
		"none at all": {
			environ: []string{"SYNC_MONGODB_URL=" + a}, args: []string{"--mongodb-url="},
			want: Setting{Source: "flag --mongodb-url"},
			note: "setting mongodbUrl is taken from flag --mongodb-url; what environment SYNC_MONGODB_URL says differs and does not count",
		},
	} {
		cfg, list, err := Load(sources(t, c.file, c.environ, c.args...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c.want.Key = "mongodbUrl"
		if diff := cmp.Diff(c.want, find(t, list, "mongodbUrl")); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if got := strings.Join(cfg.Notes, "\n"); got != c.note {
			t.Errorf("%s: got note %q, want %q", name, got, c.note)
		}
	}
	_, _, err := Load(sources(t, "", []string{"FH_MONGODB_CONN_URL=nothing:hush"}))
	if err == nil || !strings.Contains(err.Error(), "FH_MONGODB_CONN_URL") || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v", err)
	}
}

func TestCertificateSettings(t *testing.T) {
	for _, args := range [][]string{
		{"--adapter-cert-file=a", "--adapter-ca-file=c"}, {"--adapter-listen-key-file=a"},
		{"--adapter-cert-file=a", "--adapter-key-file=b"}, {"--adapter-listen-ca-file=a"},
	} {
		if _, _, err := Load(sources(t, "", nil, args...)); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
	if _, _, err := Load(sources(t, "", nil, "--adapter-cert-file=a", "--adapter-key-file=b", "--adapter-ca-file=system",
		"--adapter-listen-cert-file=c", "--adapter-listen-key-file=d", "--adapter-listen-ca-file=e")); err != nil {
		t.Error(err)
	}
}
