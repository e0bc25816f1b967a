// Command testreport reads `go test -json` from standard input and prints what a
// person wants to see: each package as it ends, the output of what failed, and
// at the end how many tests ran, failed and were skipped. It exits with 1 when
// something failed or, with -noskip, was skipped for any other reason than an
// exception of an engine or adapter. It is built as a file, so that it needs no
// module: go build hack/tools/testreport/main.go
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"
)

// event is a line of `go test -json` (go doc test2json).
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build events
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

type report struct {
	out                       io.Writer
	output                    map[string][]string // of tests and packages under way
	packages, passed, cached  int
	failed, skipped, excepted []string
}

// exception is in the reason of a skip that is part of a suite: what an engine or
// adapter cannot do, with an explanation.
var exception = regexp.MustCompile(`exception of the (engine|adapter): |the (engine|adapter) (does not|keeps nothing) `)

func main() {
	noSkip := flag.Bool("noskip", false, "fail when a test was skipped")
	flag.Parse()
	r := report{out: os.Stdout, output: map[string][]string{}}
	start := time.Now()
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
	if !r.summary(time.Since(start).Round(time.Second), *noSkip) {
		os.Exit(1)
	}
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil && e.Action != "" {
				r.event(e)
			} else {
				fmt.Fprintf(r.out, "%s", line)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) event(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		r.output[key] = append(r.output[key], e.Output)
	case "pass":
		r.ended(e, key)
		if e.Test != "" {
			r.passed++
		}
	case "skip":
		r.skip(e, key)
	case "fail":
		fmt.Fprint(r.out, strings.Join(r.output[key], ""))
		r.failed = append(r.failed, strings.TrimSpace(key))
		r.ended(e, key)
	}
}

func (r *report) skip(e event, key string) {
	reason := strings.Join(r.output[key], "")
	delete(r.output, key)
	switch {
	case e.Test == "": // a package without tests
	case exception.MatchString(reason):
		r.excepted = append(r.excepted, key)
	default:
		r.skipped = append(r.skipped, key)
		fmt.Fprint(r.out, reason)
	}
}

// ended prints the line of a package and forgets what it has printed.
func (r *report) ended(e event, key string) {
	if e.Test == "" {
		r.packages++
		took := fmt.Sprintf("%.1fs", e.Elapsed)
		if strings.Contains(strings.Join(r.output[key], ""), "(cached)") {
			took = "cached"
			r.cached++
		}
		fmt.Fprintf(r.out, "%-4s  %8s  %s\n", e.Action, took, e.Package)
	}
	delete(r.output, key)
}

func (r *report) summary(took time.Duration, noSkip bool) bool {
	fmt.Fprintln(r.out)
	for _, name := range r.excepted {
		fmt.Fprintln(r.out, "EXCEPT ", name)
	}
	for _, name := range r.skipped {
		fmt.Fprintln(r.out, "SKIPPED", name)
	}
	for _, name := range r.failed {
		fmt.Fprintln(r.out, "FAILED ", name)
	}
	ok := len(r.failed) == 0 && r.packages > 0 && !(noSkip && len(r.skipped) > 0)
	verdict := "PASS"
	if !ok {
		verdict = "FAIL"
	}
	fmt.Fprintf(r.out, "%s: %d packages (%d cached), %d tests passed, %d failed, %d skipped, %d explained exceptions, %s\n",
		verdict, r.packages, r.cached, r.passed, len(r.failed), len(r.skipped), len(r.excepted), took)
	// Once more in the plain form that other programs read.
	fmt.Fprintf(r.out, "tests: %d passed, %d failed, %d skipped\n", r.passed, len(r.failed), len(r.skipped))
	return ok
}
