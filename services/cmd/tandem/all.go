package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tandem-sync/tandem/services/internal/app"
	"github.com/tandem-sync/tandem/services/internal/config"
)

func newAllCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "all",
		Short: "Run every role in this process, on an embedded store",
		Long: "Runs every role in this process, with an embedded store and the embedded adapter, both in the data folder.\n" +
			"SIGTERM or Ctrl-C finishes the work in hand and ends with exit code 0.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			node, err := app.StartAll(cmd.Context(), app.Options{Config: cfg, Version: version, Log: newLogger(cfg.Log, os.Stderr)})
			if err != nil {
				return err
			}
			printWelcome(cmd.OutOrStdout(), node.URL(), cfg.Store.Data)
			return node.Wait()
		},
	}
	addConfigFlags(cmd)
	return cmd
}

func newLogger(cfg config.Log, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.Level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// printWelcome tells a newcomer where things are and what to try.
func printWelcome(w io.Writer, url, data string) {
	if abs, err := filepath.Abs(data); err == nil {
		data = abs
	}
	fmt.Fprintf(w, `
Tandem is ready.
  URL          %s
  data folder  %s

Try it: send a change, then ask what became of it (run the line twice):
  curl -s %s/sync/tasks -H 'Content-Type: application/json' -d '{"fn":"sync","pending":[{"action":"create","hash":"c1","uid":"c1","post":{"title":"Buy milk"}}],"__fh":{"cuid":"my-device"}}'
and read the records of the dataset on another device, after its next sync run (setting syncFrequency, 10 s):
  curl -s %s/sync/tasks -H 'Content-Type: application/json' -d '{"fn":"syncRecords","clientRecs":{},"__fh":{"cuid":"another-device"}}'

Ctrl-C stops it.
`, url, data, url, url)
}
