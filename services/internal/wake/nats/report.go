package nats

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// report tells in the log how it stands with NATS: each kind of trouble once until
// NATS is back, however often it is tried.
type report struct {
	log    *slog.Logger
	login  string     // settings to look at when the login is refused
	prefix string     // of the subjects
	first  slog.Level // of the line about the first connection

	mu   sync.Mutex
	told map[string]bool // kinds of trouble since NATS was there
}

func newReport(o Options) *report {
	login := strings.Join(o.logins(), ", ")
	switch login {
	case "":
		login = "natsCredentials, natsNkeySeedFile, natsUser or natsToken, of which none is set"
	case "natsUser":
		login = "natsUser, natsPassword"
	}
	return &report{log: o.Log, login: login, prefix: o.SubjectPrefix, told: map[string]bool{}}
}

const permission = "permission" // a kind of trouble that does not keep NATS away

const polling = "; wakes reach this process only and everything goes on by polling, the connection is tried again"

// failed tells that a server did not take the process.
func (r *report) failed(server string, err error) {
	var setting *settingError
	switch {
	case errors.As(err, &setting):
		r.trouble(slog.LevelError, "setting", "can't connect to NATS with these settings"+polling, "err", err)
	case isLogin(err):
		r.trouble(slog.LevelError, "login", "NATS refuses the login"+polling, "server", server, "settings", r.login, "err", err)
	case isTLS(err):
		r.trouble(slog.LevelError, "TLS", "no TLS with NATS"+polling, "server", server, "settings", "natsUrl, natsCaFile, natsCertFile, natsKeyFile", "err", err)
	default:
		r.trouble(slog.LevelWarn, "away", "NATS is away"+polling, "server", server, "err", err)
	}
}

// lost tells that a connection is no more.
func (r *report) lost(l *link) {
	err := l.LastError()
	if err != nil && isLogin(err) {
		r.failed(l.server, err)
		return
	}
	r.trouble(slog.LevelWarn, "away", "NATS is away"+polling, "server", l.server, "err", err)
}

// during tells of an error on a connection that stays.
func (r *report) during(err error) {
	switch {
	case errors.Is(err, nats.ErrSlowConsumer): // wakes were merged
	case errors.Is(err, nats.ErrPermissionViolation):
		r.trouble(slog.LevelError, permission, "NATS does not permit this login to publish and subscribe"+
			"; topics that it does not permit go on by polling", "subjects", r.prefix+".*", "settings", r.login+", natsSubjectPrefix", "err", err)
	default:
		r.log.Debug("wake not sent or not subscribed", "err", err)
	}
}

// trouble logs the first of its kind.
func (r *report) trouble(level slog.Level, kind, text string, args ...any) {
	r.mu.Lock()
	known := r.told[kind]
	r.told[kind] = true
	r.mu.Unlock()
	if known {
		level = slog.LevelDebug
	}
	r.log.Log(context.Background(), level, text, args...)
}

// connected tells that NATS is there; true when it was away before.
func (r *report) connected(l *link) bool {
	r.mu.Lock()
	away := false
	for kind := range r.told {
		if kind != permission { // belongs to connections that stand, and is said once for all
			away = true
			delete(r.told, kind)
		}
	}
	r.mu.Unlock()
	if away {
		r.log.Info("NATS is back", "name", l.ConnectedServerName(), "server", l.server)
	} else {
		r.log.Log(context.Background(), r.first, "connected to NATS", "name", l.ConnectedServerName(), "server", l.server)
	}
	return away
}

// isLogin recognises what a server says to a login, whatever the reason: unknown,
// expired, revoked.
func isLogin(err error) bool {
	text := strings.ToLower(err.Error())
	for _, part := range []string{"authorization violation", "authentication expired", "authentication revoked", "authentication timeout", "nkeys not supported"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// isTLS recognises what a file or an address can mend.
func isTLS(err error) bool {
	var alert tls.AlertError
	return errors.Is(err, nats.ErrTLS) || errors.Is(err, nats.ErrSecureConnWanted) ||
		errors.As(err, &alert) || strings.Contains(err.Error(), "tls: ")
}
