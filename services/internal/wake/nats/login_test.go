package nats_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/tandem-sync/tandem/services/internal/wake"
	"github.com/tandem-sync/tandem/services/internal/wake/nats"
)

func write(t *testing.T, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// operatorMode makes a server trust one operator with one account, and returns the
// .creds file of a user of that account.
func operatorMode(t *testing.T) (func(*server.Options), string) {
	key, seed, text := must[nkeys.KeyPair](t), must[[]byte](t), must[string](t)
	operator, account, user := key(nkeys.CreateOperator()), key(nkeys.CreateAccount()), key(nkeys.CreateUser())
	operatorID, accountID, userID := text(operator.PublicKey()), text(account.PublicKey()), text(user.PublicKey())

	operatorClaims := jwt.NewOperatorClaims(operatorID)
	signed := text(operatorClaims.Encode(operator))
	operatorClaims = must[*jwt.OperatorClaims](t)(jwt.DecodeOperatorClaims(signed))
	resolver := &server.MemAccResolver{}
	if err := resolver.Store(accountID, text(jwt.NewAccountClaims(accountID).Encode(operator))); err != nil {
		t.Fatal(err)
	}
	creds := must[[]byte](t)(jwt.FormatUserConfig(text(jwt.NewUserClaims(userID).Encode(account)), seed(user.Seed())))
	return func(o *server.Options) {
		o.TrustedOperators = []*jwt.OperatorClaims{operatorClaims}
		o.AccountResolver = resolver
	}, write(t, "user.creds", creds)
}

func TestLogin(t *testing.T) {
	t.Parallel()
	seed := func() (public, file string) {
		pair := must[nkeys.KeyPair](t)(nkeys.CreateUser())
		return must[string](t)(pair.PublicKey()), write(t, "seed.nk", must[[]byte](t)(pair.Seed()))
	}
	public, seedFile := seed()
	_, otherSeed := seed()
	trust, creds := operatorMode(t)
	_, otherCreds := operatorMode(t)
	password := func(o *server.Options) { o.Username, o.Password = "ann", "s3cret" }
	token := func(o *server.Options) { o.Authorization = "s3cret" }

	for name, c := range map[string]struct {
		server    func(*server.Options)
		good, bad nats.Options
		user      string // in the good and the bad URL
		badUser   string
		settings  string
	}{
		"password": {
			server: password, good: nats.Options{User: "ann", Password: "s3cret"},
			bad: nats.Options{User: "ann", Password: "s3cret-wrong"}, settings: "natsUser, natsPassword",
		},
		"token": {
			server: token, good: nats.Options{Token: "s3cret"},
			bad: nats.Options{Token: "s3cret-wrong"}, settings: "natsToken",
		},
		"user in the URL":  {server: password, user: "ann:s3cret@", badUser: "ann:s3cret-wrong@", settings: "natsUrl"},
		"token in the URL": {server: token, user: "s3cret@", badUser: "s3cret-wrong@", settings: "natsUrl"},
		"nkey": {
			server: func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} },
			good:   nats.Options{NkeySeedFile: seedFile}, bad: nats.Options{NkeySeedFile: otherSeed}, settings: "natsNkeySeedFile",
		},
		"credentials": {
			server: trust, good: nats.Options{CredentialsFile: creds},
			bad: nats.Options{CredentialsFile: otherCreds}, settings: "natsCredentials",
		},
		"none": {server: token, user: "s3cret@", settings: "none is set"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			serve(t, port, c.server)
			at := func(user string) []string { return []string{strings.Replace(urlOf(port), "//", "//"+user, 1)} }
			c.good.URLs, c.bad.URLs = at(c.user), at(c.badUser)
			a, goodLog := connect(t, c.good)
			b, _ := connect(t, c.good)
			reach(t, a, b)
			goodLog.wait(t, "connected to NATS")
			goodLog.once(t, "connected to NATS")

			refused, log := connect(t, c.bad)
			ch, end := refused.Subscribe(wake.Ack)
			defer end()
			if line := log.wait(t, "NATS refuses the login"); !strings.Contains(line, c.settings) || !strings.Contains(line, "level=ERROR") {
				t.Errorf("got %s", line)
			}
			waitFor(t, "more attempts", func() bool { return len(log.lines("NATS refuses the login", true)) >= 2 })
			log.once(t, "NATS refuses the login")
			refused.Publish(wake.Ack)
			isWoken(t, ch, "within the process")
			if text := goodLog.String() + log.String(); strings.Contains(text, "s3cret") {
				t.Errorf("a secret is in the log:\n%s", text)
			}
		})
	}
}

func TestLoginIsTriedUntilItIsGood(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	stop := serve(t, port, func(o *server.Options) { o.Authorization = "new" })
	bus, log := connect(t, nats.Options{URLs: []string{urlOf(port)}, Token: "old"})
	ch, end := bus.Subscribe(wake.Ack)
	defer end()
	log.wait(t, "NATS refuses the login")
	stop()
	serve(t, port, func(o *server.Options) { o.Authorization = "old" })
	log.wait(t, "NATS is back")
	isWoken(t, ch, "something may have been missed")
}

func TestNotPermitted(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	serve(t, port, func(o *server.Options) {
		only := &server.SubjectPermission{Allow: []string{"allowed.>"}}
		o.Users = []*server.User{{Username: "ann", Password: "pw", Permissions: &server.Permissions{Publish: only, Subscribe: only}}}
	})
	o := nats.Options{URLs: []string{urlOf(port)}, User: "ann", Password: "pw"}
	bus, log := connect(t, o)
	_, end := bus.Subscribe(wake.Ack)
	defer end()
	bus.Publish(wake.Sync)
	line := log.wait(t, "does not permit")
	for _, want := range []string{"tandem.wake.*", "natsUser", "natsSubjectPrefix"} {
		if !strings.Contains(line, want) {
			t.Errorf("missing %s in %s", want, line)
		}
	}
	waitFor(t, "both refusals", func() bool { return len(log.lines("does not permit", true)) > 0 })
	log.once(t, "does not permit")

	o.SubjectPrefix = "allowed.wake"
	a, _ := connect(t, o)
	b, _ := connect(t, o)
	reach(t, a, b)
}

// Two installations on one server do not wake each other.
func TestPrefixKeepsInstallationsApart(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	serve(t, port, nil)
	open := func(prefix string) *nats.Bus {
		bus, _ := connect(t, nats.Options{URLs: []string{urlOf(port)}, SubjectPrefix: prefix})
		return bus
	}
	red, blue, otherRed := open("red"), open("blue"), open("red")
	ch, end := blue.Subscribe(wake.Pending)
	defer end()
	reach(t, open("blue"), blue)
	reach(t, red, otherRed)
	near, endNear := otherRed.Subscribe(wake.Pending)
	defer endNear()
	reach(t, red, otherRed)
	red.Publish(wake.Pending)
	isWoken(t, near, "the same installation")
	reach(t, open("blue"), blue)
	select {
	case <-ch:
		t.Error("woken by the other installation")
	default:
	}
}

// A process wakes itself directly; what it publishes does not come back to it.
func TestOwnWakesDoNotComeBack(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	serve(t, port, nil)
	bus, _ := connect(t, nats.Options{URLs: []string{urlOf(port)}})
	other, _ := connect(t, nats.Options{URLs: []string{urlOf(port)}})
	ch, end := bus.Subscribe(wake.Pending)
	defer end()
	far, endFar := other.Subscribe(wake.Pending)
	defer endFar()
	reach(t, bus, other)
	reach(t, other, bus)
	for range 20 {
		bus.Publish(wake.Pending)
		isWoken(t, ch, "itself")
		isWoken(t, far, "the other process")
		reach(t, other, bus)
		select {
		case <-ch:
			t.Fatal("woken twice")
		default:
		}
	}
}
