package main

import (
	"context"
	"fmt"
	"net"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
	"github.com/tandem-sync/tandem/services/internal/app"
)

// adminTarget says where the administration API is.
type adminTarget struct {
	addr, data string
	timeout    time.Duration
}

func newAdminCommand() *cobra.Command {
	var target adminTarget
	cmd := &cobra.Command{
		Use:   "admin",
		Short: "Administer a running server",
		Args:  cobra.NoArgs, // an unknown subcommand is an error
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&target.addr, "addr", "", "HOST:PORT of the administration API (setting adminListen); default: the socket in the data folder")
	cmd.PersistentFlags().StringVar(&target.data, "data", "./data", "data `folder` of a server on this machine")
	cmd.PersistentFlags().DurationVar(&target.timeout, "timeout", 10*time.Second, "how long to wait for the answer")
	cmd.AddCommand(
		target.command("stop DATASET", "Refuse the sync requests of a dataset until it is started again", 1, stopDataset),
		target.command("start DATASET", "Start a stopped dataset", 1, startDataset),
		target.command("sync DATASET", "Ask for a sync run of every view of a dataset, now", 1, runSync),
		target.command("clients [DATASET]", "List the dataset clients with their state", -1, listClients),
		target.command("queues", "Tell how many messages wait in each queue", 0, queues),
	)
	return cmd
}

type adminCall func(ctx context.Context, cmd *cobra.Command, api adminv1.AdminServiceClient, args []string) error

// command makes one subcommand. n is the number of arguments, -1 for one at most.
func (t *adminTarget) command(use, short string, n int, call adminCall) *cobra.Command {
	check := func(cmd *cobra.Command, args []string) error {
		if len(args) < n || len(args) > max(n, -n) {
			return fmt.Errorf("%d arguments given; usage: %s", len(args), cmd.UseLine())
		}
		return nil
	}
	return &cobra.Command{Use: use, Short: short, Args: check, RunE: func(cmd *cobra.Command, args []string) error {
		conn, addr, err := t.dial()
		if err != nil {
			return fmt.Errorf("administration API at %s: %w", addr, err)
		}
		defer conn.Close()
		ctx, cancel := context.WithTimeout(cmd.Context(), t.timeout)
		defer cancel()
		err = call(ctx, cmd, adminv1.NewAdminServiceClient(conn), args)
		switch st := status.Convert(err); st.Code() {
		case codes.OK:
			return nil
		case codes.Unavailable:
			return fmt.Errorf("administration API at %s: %s; is the server running? --data or --addr say where", addr, st.Message())
		default:
			return fmt.Errorf("administration API at %s: %s", addr, st.Message())
		}
	}}
}

// dial makes a connection to the API, and tells its address.
func (t *adminTarget) dial() (conn *grpc.ClientConn, addr string, err error) {
	plain := grpc.WithTransportCredentials(insecure.NewCredentials())
	if t.addr != "" {
		conn, err = grpc.NewClient(t.addr, plain)
		return conn, t.addr, err
	}
	// Not gRPC's "unix:" target: it takes the path for a URL, with escapes.
	path := app.AdminSocket(t.data)
	conn, err = grpc.NewClient("passthrough:///localhost", plain, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}))
	return conn, path, err
}

func stopDataset(ctx context.Context, cmd *cobra.Command, api adminv1.AdminServiceClient, args []string) error {
	resp, err := api.StopDataset(ctx, &adminv1.StopDatasetRequest{Dataset: args[0]})
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "stopped %s (%d dataset clients)\n", args[0], resp.GetDatasetClients())
	return nil
}

func startDataset(ctx context.Context, cmd *cobra.Command, api adminv1.AdminServiceClient, args []string) error {
	resp, err := api.StartDataset(ctx, &adminv1.StartDatasetRequest{Dataset: args[0]})
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "started %s (%d dataset clients)\n", args[0], resp.GetDatasetClients())
	return nil
}

func runSync(ctx context.Context, cmd *cobra.Command, api adminv1.AdminServiceClient, args []string) error {
	resp, err := api.RunSync(ctx, &adminv1.RunSyncRequest{Dataset: args[0]})
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "queued %d sync runs of %s\n", resp.GetQueued(), args[0])
	return nil
}

func listClients(ctx context.Context, cmd *cobra.Command, api adminv1.AdminServiceClient, args []string) error {
	req := &adminv1.ListDatasetClientsRequest{}
	if len(args) > 0 {
		req.Dataset = args[0]
	}
	resp, err := api.ListDatasetClients(ctx, req)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DATASET\tQUERY\tACTIVE\tSTOPPED\tLAST SYNC RUN\tCOLLISIONS\tGLOBAL HASH")
	for _, dc := range resp.GetDatasetClients() {
		last := "never"
		if dc.GetSyncCompleted() {
			last = time.UnixMilli(dc.GetSyncLoopEnd()).UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%s\t%s\t%t\t%t\t%s\t%d\t%s\n", dc.GetDataset(), dc.GetQueryParams(), dc.GetActive(), dc.GetStopped(), last, dc.GetCollisionCount(), dc.GetGlobalHash())
	}
	return table.Flush()
}

func queues(ctx context.Context, cmd *cobra.Command, api adminv1.AdminServiceClient, _ []string) error {
	resp, err := api.Queues(ctx, &adminv1.QueuesRequest{})
	if err != nil {
		return err
	}
	for _, name := range []string{"fhsync_queue", "fhsync_ack_queue", "fhsync_pending_queue"} {
		fmt.Fprintf(cmd.OutOrStdout(), "%-22s %d\n", name, resp.GetMessages()[name])
	}
	return nil
}
