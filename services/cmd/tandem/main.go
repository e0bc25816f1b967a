// Command tandem is the server side of mobile data sync: one binary for every
// role, chosen by its first argument.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is stamped by the build (-ldflags "-X main.version=...").
var version = "dev"

func main() {
	if err := newRootCommand().ExecuteContext(untilSignal()); err != nil {
		fmt.Fprintln(os.Stderr, "tandem: "+err.Error())
		os.Exit(1)
	}
}

// untilSignal returns a context that ends with the first SIGTERM or Ctrl-C, which
// begins the orderly stop. A second one ends the process at once, however soon
// it comes, with the exit code that shells give for a signal.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		code := 1
		if number, ok := (<-signals).(syscall.Signal); ok {
			code = 128 + int(number)
		}
		os.Exit(code)
	}()
	return ctx
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "tandem",
		Short:         "The server side of mobile data sync",
		Long:          "Tandem keeps the local copies of phones and browsers in step with a company's own backend.\nTry it: tandem all",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newRoleCommands()...)
	root.AddCommand(newAllCommand(), newAdminCommand(), newConfigCommand(), newHashCommand(), newVersionCommand())
	return root
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), version)
			return err
		},
	}
}
