package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tandem-sync/tandem/services/adapters/csv"
	sqladapter "github.com/tandem-sync/tandem/services/adapters/sql"
	"github.com/tandem-sync/tandem/services/adapters/webhook"
	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/datasets"
)

// MongoAdapter keeps records in MongoDB.
func MongoAdapter() AdapterKind {
	return AdapterKind{Name: "mongo", open: openMongoAdapter, check: func(cfg config.Config) error {
		if u, _ := cfg.AdapterServer.Source(cfg.Store); u == "" {
			return errors.New("the mongo adapter needs a MongoDB: set adapterMongodbUrl (--adapter-mongodb-url or TANDEM_ADAPTER_MONGODB_URL), or mongodbUrl where Tandem's own serves for it, such as mongodb://db:27017/tandem")
		}
		return nil
	}}
}

// WebhookAdapter asks a team's own HTTP service.
func WebhookAdapter() AdapterKind {
	return AdapterKind{Name: "webhook", check: needsFile("webhook"), open: openWebhookAdapter}
}

// CSVAdapter keeps records in a directory of CSV files.
func CSVAdapter() AdapterKind {
	return AdapterKind{Name: "csv", check: needsFile("csv"), open: openCSVAdapter}
}

// SQLAdapter keeps records in tables of PostgreSQL, MySQL or MariaDB.
func SQLAdapter() AdapterKind {
	return AdapterKind{Name: "sql", check: needsFile("sql"), open: openSQLAdapter}
}

func needsFile(kind string) func(config.Config) error {
	return func(cfg config.Config) error {
		if cfg.AdapterServer.ConfigFile == "" {
			return fmt.Errorf("the %s adapter needs a file of its own settings: set adapterConfigFile (--adapter-config-file or TANDEM_ADAPTER_CONFIG_FILE)", kind)
		}
		return nil
	}
}

func openWebhookAdapter(_ context.Context, cfg config.Config, _ *datasets.Snapshot, log *slog.Logger) (readyAdapter, error) {
	o, err := webhook.ReadOptions(cfg.AdapterServer.ConfigFile)
	if err != nil {
		return nil, err
	}
	o.Logger = log
	return webhook.Open(o)
}

// openCSVAdapter waits while another process may write to the directory: the one that
// this one takes over from, say.
func openCSVAdapter(ctx context.Context, cfg config.Config, _ *datasets.Snapshot, log *slog.Logger) (readyAdapter, error) {
	o, err := csv.ReadOptions(cfg.AdapterServer.ConfigFile)
	if err != nil {
		return nil, err
	}
	o.Logger = log
	judge := func(err error) (bool, error) { return !errors.Is(err, csv.ErrInUse), err }
	return patiently(ctx, log, "the directory of CSV files", judge, func(context.Context) (readyAdapter, error) {
		a, err := csv.Open(o)
		if err != nil {
			return nil, err
		}
		return a, nil
	})
}

// openSQLAdapter waits for the database. What the file says and the database does not
// have ends the start.
func openSQLAdapter(ctx context.Context, cfg config.Config, _ *datasets.Snapshot, log *slog.Logger) (readyAdapter, error) {
	c, err := sqladapter.ReadConfig(cfg.AdapterServer.ConfigFile)
	if err != nil {
		return nil, err
	}
	judge := func(err error) (bool, error) { return errors.Is(err, sqladapter.ErrWrong), err }
	return patiently(ctx, log, "the adapter's database", judge, func(ctx context.Context) (readyAdapter, error) {
		a, err := sqladapter.Open(ctx, c, log)
		if err != nil {
			return nil, err
		}
		return a, nil
	})
}
