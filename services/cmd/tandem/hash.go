package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// newHashCommand makes `tandem hash`: the hashes of protocol section 3 for
// people and scripts, to find out why two sides disagree about a record.
func newHashCommand() *cobra.Command {
	canonical := false
	cmd := &cobra.Command{
		Use:   "hash",
		Short: "Print the hashes of JSON values, as devices compute them",
		Long: `Reads JSON values from the standard input, one a line, and prints the hash of each
on a line of its own: the hash of a record is that of its data. A value that has
no hash (null, false, 0, "") gets "-".

With --canonical the text that is hashed is printed instead. For a JSON text that
is the text itself, with any line breaks that it holds.

A line that is not JSON, or is empty, ends the command with an error that names
the line; the answers to the lines before it are printed.`,
		Example: `  echo '{"name":"bread","amount":2}' | tandem hash
  tandem hash --canonical < records.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage = true // what goes wrong from here on is the input's
			answer := record.Hash
			if canonical {
				answer = record.Canonical
			}
			return hashLines(cmd.InOrStdin(), cmd.OutOrStdout(), func(line []byte) (string, error) { return answer(line) })
		},
	}
	cmd.Flags().BoolVar(&canonical, "canonical", false, "print the text that is hashed instead of the hash")
	return cmd
}

// hashLines writes what answer says to each line of in, "-" for "", and stops at
// the first error, which it returns with the number of the line.
func hashLines(in io.Reader, out io.Writer, answer func(line []byte) (string, error)) error {
	r, w := bufio.NewReaderSize(in, 64<<10), bufio.NewWriter(out)
	for number := 1; ; number++ {
		line, err := r.ReadBytes('\n') // of any length
		if err != nil && !errors.Is(err, io.EOF) {
			return errors.Join(fmt.Errorf("line %d: %w", number, err), w.Flush())
		}
		last := err != nil
		if last && len(line) == 0 {
			return w.Flush()
		}
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(line) == 0 {
			return errors.Join(fmt.Errorf("line %d: empty, want a JSON value", number), w.Flush())
		}
		text, err := answer(line)
		if err != nil {
			return errors.Join(fmt.Errorf("line %d: %w", number, err), w.Flush())
		}
		if text == "" {
			text = "-"
		}
		w.WriteString(text)
		w.WriteByte('\n')
		// Somebody who types, or a pipe that waits for the answer, gets it now.
		if last || r.Buffered() == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
	}
}
