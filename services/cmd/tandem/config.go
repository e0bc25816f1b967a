package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tandem-sync/tandem/services/internal/config"
)

// addConfigFlags gives cmd a flag for every setting.
func addConfigFlags(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	config.AddFlags(cmd.Flags())
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return config.FlagError(cmd.Flags(), err)
	})
}

// loadConfig reads the settings for a command with addConfigFlags.
func loadConfig(cmd *cobra.Command) (config.Config, []config.Setting, error) {
	return config.Load(config.Sources{Environ: os.Environ(), Flags: cmd.Flags()})
}

// newConfigCommand is `tandem config`: what is in force, and where each value
// comes from.
func newConfigCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the settings in force and where each comes from",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, list, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if asJSON {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetEscapeHTML(false)
				encoder.SetIndent("", "  ")
				return encoder.Encode(list)
			}
			return printSettings(cmd.OutOrStdout(), list)
		},
	}
	addConfigFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printSettings(w io.Writer, list []config.Setting) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SETTING\tVALUE\tDEFAULT\tSOURCE")
	for _, s := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", s.Key, shown(s.Value), shown(s.Default), s.Source)
	}
	return table.Flush()
}

// shown makes an empty value visible.
func shown(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
