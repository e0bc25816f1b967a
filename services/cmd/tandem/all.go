package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tandem-sync/tandem/services/internal/app"
	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/config"
)

func newAllCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "all",
		Short: "Run every role in this process, on an embedded store",
		Long: "Runs every role in this process, with an embedded store and the embedded adapter, both in the data folder;\n" +
			"with mongodbUrl set, the sync state and the records are in that MongoDB instead.\n" +
			"SIGTERM or Ctrl-C finishes the work in hand and ends with exit code 0.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := loadOptions(cmd)
			if err != nil {
				return err
			}
			return app.Run(cmd.Context(), o, func(n *app.Node) { printWelcome(cmd.OutOrStdout(), n.URL(), o.Config.Store) })
		},
	}
	addConfigFlags(cmd)
	return cmd
}

// loadOptions reads what every role takes.
func loadOptions(cmd *cobra.Command) (app.Options, error) {
	cfg, _, err := loadConfig(cmd)
	if err != nil {
		return app.Options{}, err
	}
	now, err := testClock(os.Getenv(clockOffset))
	if err != nil {
		return app.Options{}, err
	}
	return app.Options{Config: cfg, Version: version, Log: newLogger(cfg.Log, os.Stderr), Clock: now}, nil
}

// clockOffset names the variable by which tests put this process's clock wrong, as
// that of a machine may be: a Go duration such as -5m. It is for tests only.
const clockOffset = "TANDEM_TEST_CLOCK_OFFSET"

func testClock(offset string) (clock.Clock, error) {
	if offset == "" {
		return clock.System, nil
	}
	d, err := time.ParseDuration(offset)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", clockOffset, err)
	}
	return func() time.Time { return clock.System().Add(d) }, nil
}

func newLogger(cfg config.Log, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.Level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// printWelcome tells a newcomer where things are and what to try.
func printWelcome(w io.Writer, url string, st config.Store) {
	where, what := st.Data, "data folder"
	if st.MongodbURL != "" {
		where, what = fmt.Sprintf("%s, database %s", st.MongodbURL, st.Database()), "MongoDB    "
	} else if abs, err := filepath.Abs(st.Data); err == nil {
		where = abs
	}
	fmt.Fprintf(w, `
Tandem is ready.
  URL          %s
  %s  %s

Try it: send a change, then ask what became of it (run the line twice):
  curl -s %s/sync/tasks -H 'Content-Type: application/json' -d '{"fn":"sync","pending":[{"action":"create","hash":"c1","uid":"c1","post":{"title":"Buy milk"}}],"__fh":{"cuid":"my-device"}}'
and read the records of the dataset on another device, after its next sync run (setting syncFrequency, 10 s):
  curl -s %s/sync/tasks -H 'Content-Type: application/json' -d '{"fn":"syncRecords","clientRecs":{},"__fh":{"cuid":"another-device"}}'

Ctrl-C stops it.
`, url, what, where, url, url)
}
