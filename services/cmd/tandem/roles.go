package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tandem-sync/tandem/services/internal/app"
)

// newRoleCommands are the roles, each as a process of its own.
func newRoleCommands() []*cobra.Command {
	return []*cobra.Command{
		newRoleCommand(app.Gateway, "Answer devices"),
		newRoleCommand(app.SyncWorker, "List backends and store what differs"),
		newRoleCommand(app.AckWorker, "Remove what devices have acknowledged"),
		newRoleCommand(app.PendingWorker, "Apply devices' changes to backends"),
		newRoleCommand(app.Scheduler, "Queue the sync runs that are due, and clean up"),
		newAdapterCommand(),
	}
}

func newRoleCommand(role app.Role, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   string(role),
		Short: short,
		Long: short + ", as one of any number of such processes. The roles meet in the MongoDB that mongodbUrl names,\n" +
			"and wake one another through the NATS that natsUrl names. While MongoDB is away the process waits for it.\n" +
			"SIGTERM or Ctrl-C finishes the work in hand and ends with exit code 0.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := loadOptions(cmd)
			if err != nil {
				return err
			}
			o.Roles = []app.Role{role}
			return app.Run(cmd.Context(), o, func(n *app.Node) {
				fmt.Fprintln(cmd.OutOrStdout(), ready(string(role), n.URL()))
			})
		},
	}
	addConfigFlags(cmd)
	return cmd
}

// ready is the line that a role prints once it works.
func ready(role, where string) string {
	if where == "" {
		return "tandem " + role + " is ready"
	}
	return "tandem " + role + " is ready on " + where
}

func newAdapterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adapter",
		Short: "Serve a ready-made adapter",
		Args:  cobra.NoArgs, // an unknown kind is an error
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newAdapterKindCommand(app.MongoAdapter(), "Serve the adapter that keeps records in MongoDB",
			"Serves the adapter that keeps each dataset in a MongoDB collection"),
		newAdapterKindCommand(app.SQLAdapter(), "Serve the adapter that keeps records in an SQL database",
			"Serves the adapter that keeps each dataset in a table of PostgreSQL, MySQL or MariaDB (settings: adapterConfigFile)"),
		newAdapterKindCommand(app.WebhookAdapter(), "Serve the adapter that asks an HTTP service",
			"Serves the adapter that asks a service of your own with signed HTTP requests (settings: adapterConfigFile)"),
		newAdapterKindCommand(app.CSVAdapter(), "Serve the adapter that keeps records in CSV files",
			"Serves the adapter that keeps each dataset in a CSV file of a directory (settings: adapterConfigFile)"),
	)
	return cmd
}

func newAdapterKindCommand(kind app.AdapterKind, short, long string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   kind.Name,
		Short: short,
		Long: long + ", over gRPC with the health service and reflection.\n" +
			"SIGTERM or Ctrl-C finishes the calls under way and ends with exit code 0.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := loadOptions(cmd)
			if err != nil {
				return err
			}
			return app.RunAdapter(cmd.Context(), o, kind, func(addr string) {
				fmt.Fprintln(cmd.OutOrStdout(), ready("adapter "+kind.Name, addr))
			})
		},
	}
	addConfigFlags(cmd)
	return cmd
}
