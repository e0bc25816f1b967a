package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
)

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
	fmt.Fprintln(table, "DATASET\tQUERY\tACTIVE\tSTOPPED\tLAST SYNC RUN\tNEXT DUE\tCOLLISIONS\tGLOBAL HASH")
	for _, dc := range resp.GetDatasetClients() {
		last, next := "never", "none"
		if dc.GetSyncCompleted() {
			last = stamp(dc.GetSyncLoopEnd())
		}
		if dc.GetNextDue() != 0 {
			next = stamp(dc.GetNextDue())
		}
		fmt.Fprintf(table, "%s\t%s\t%t\t%t\t%s\t%s\t%d\t%s\n", dc.GetDataset(), dc.GetQueryParams(), dc.GetActive(), dc.GetStopped(), last, next, dc.GetCollisionCount(), dc.GetGlobalHash())
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

func listDatasets(ctx context.Context, cmd *cobra.Command, api adminv1.AdminServiceClient, _ []string) error {
	resp, err := api.ListDatasets(ctx, &adminv1.ListDatasetsRequest{})
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DATASET\tCONFIGURED\tVIEWS\tACTIVE\tSTOPPED\tLAST SYNC RUN\tADAPTER")
	for _, d := range resp.GetDatasets() {
		last, adapter := "never", d.GetAdapter()
		if d.GetLastRunStart() != 0 {
			last = stamp(d.GetLastRunStart())
		}
		if adapter == "" {
			adapter = "default"
		}
		fmt.Fprintf(table, "%s\t%t\t%d\t%d\t%t\t%s\t%s\n", d.GetId(), d.GetConfigured(), d.GetDatasetClients(), d.GetActiveDatasetClients(), d.GetStopped(), last, adapter)
	}
	return table.Flush()
}

// stamp is a time of the API in tables.
func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
