package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
	"github.com/tandem-sync/tandem/services/internal/story"
)

// newWhyCommand makes `tandem admin why`.
func newWhyCommand(target *adminTarget) *cobra.Command {
	var req adminv1.FindChangesRequest
	var limit int32
	var asJSON bool
	cmd := target.command("why (--hash H | --cuid C | --uid U) [--dataset D]", "Tell what became of a change, and what to do next", 0,
		func(ctx context.Context, cmd *cobra.Command, api adminv1.AdminServiceClient, _ []string) error {
			req.Limit = limit
			return why(ctx, cmd, api, &req, asJSON)
		})
	cmd.Long = "Tell what became of a change: whether it was received, what it waits for, its result,\nwhether the device knows it and where the record stands now, and what to do next.\n" +
		"Ends with exit code 1 where no such change is known."
	flags := cmd.Flags()
	flags.StringVar(&req.Hash, "hash", "", "the device's name for the change, as in its pending list and in the log (change=...)")
	flags.StringVar(&req.Cuid, "cuid", "", "the device")
	flags.StringVar(&req.Uid, "uid", "", "the record, by the backend's uid or by the one that the device made up")
	flags.StringVar(&req.Dataset, "dataset", "", "of this dataset alone; default: of all")
	flags.Int32Var(&limit, "limit", 5, "at most so many changes, the newest first; 100 is the most")
	flags.BoolVar(&asJSON, "json", false, "print the facts as JSON")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case req.GetHash() == "" && req.GetCuid() == "" && req.GetUid() == "":
			return fmt.Errorf("which change? --hash, --cuid or --uid says; usage: %s", cmd.UseLine())
		case limit < 1 || limit > 100:
			return fmt.Errorf("--limit %d: between 1 and 100 are possible", limit)
		}
		return nil
	}
	return cmd
}

func why(ctx context.Context, cmd *cobra.Command, api adminv1.AdminServiceClient, req *adminv1.FindChangesRequest, asJSON bool) error {
	resp, err := api.FindChanges(ctx, req)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if asJSON {
		text, err := protojson.MarshalOptions{Multiline: true, EmitUnpopulated: true}.Marshal(resp)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", text)
	}
	changes := resp.GetChanges()
	if len(changes) == 0 {
		datasets, err := api.ListDatasets(ctx, &adminv1.ListDatasetsRequest{})
		if err != nil {
			return err
		}
		return errors.New(story.NotFound(req, datasets.GetDatasets()))
	}
	if asJSON {
		return nil
	}
	facts := story.Facts{Now: time.UnixMilli(resp.GetNow()), Queued: resp.GetQueued()}
	for i, c := range changes {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprint(out, story.Tell(c, facts))
	}
	if len(changes) == int(req.GetLimit()) && req.GetLimit() > 1 {
		fmt.Fprintf(out, "\nThese are the newest %d; --limit shows more.\n", len(changes))
	}
	return nil
}
