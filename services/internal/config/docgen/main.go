// Command docgen prints docs/configuration.md.
package main

import (
	"fmt"
	"os"

	"github.com/tandem-sync/tandem/services/internal/config"
)

func main() {
	if err := config.WriteDocs(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
