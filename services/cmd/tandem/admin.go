package main

import (
	"context"
	"fmt"
	"net"
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
		target.command("datasets", "List the datasets with their state", 0, listDatasets),
		target.command("clients [DATASET]", "List the dataset clients with their state", -1, listClients),
		target.command("queues", "Tell how many messages wait in each queue", 0, queues),
		newWhyCommand(&target),
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
		case codes.DeadlineExceeded:
			return fmt.Errorf("administration API at %s: no answer within %v; --timeout allows more, --data or --addr name another server", addr, t.timeout)
		case codes.Unimplemented:
			return fmt.Errorf("administration API at %s: %s; the server is older than this program, or --addr names something else", addr, st.Message())
		case codes.Unknown: // none of the server's
			return err
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
