package nats

import "log/slog"

// DefaultPrefix is what subjects begin with unless Options say otherwise.
const DefaultPrefix = "tandem.wake"

// Options is how a cluster's NATS is reached. The names in brackets are the
// settings that error and log messages speak of. At most one way to log in may be
// given: CredentialsFile, NkeySeedFile, User with Password, Token, or a user in URLs.
type Options struct {
	// URLs of the servers, at least one (natsUrl): nats://HOST:PORT, tls://, ws:// or
	// wss://. A user in them (nats://USER:PASSWORD@HOST, nats://TOKEN@HOST) never
	// gets into the log.
	URLs []string

	CredentialsFile string // .creds file with a user's JWT and seed (natsCredentials)
	NkeySeedFile    string // file with an nkey seed (natsNkeySeedFile)
	User            string // (natsUser)
	Password        string // (natsPassword)
	Token           string // (natsToken)

	CAFile   string // PEM; trusted instead of the system's authorities, and makes TLS a must (natsCaFile)
	CertFile string // PEM; the client's certificate, with KeyFile (natsCertFile)
	KeyFile  string // PEM (natsKeyFile)

	SubjectPrefix string       // "": DefaultPrefix (natsSubjectPrefix)
	Name          string       // of the connection, for NATS's monitoring; "": "tandem"
	Log           *slog.Logger // nil: nothing is logged
}
