package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a datasets file.
type Problem struct {
	Line int // 0: the file as a whole
	Text string
}

// FileError is all that is wrong with a datasets file.
type FileError struct {
	File     string
	Problems []Problem
}

// Error gives a line "FILE:LINE: what is wrong" for each problem, by line.
func (e *FileError) Error() string { return strings.Join(e.Lines(), "\n") }

// Lines are the lines of Error.
func (e *FileError) Lines() []string {
	list := slices.Clone(e.Problems)
	slices.SortStableFunc(list, func(a, b Problem) int { return a.Line - b.Line })
	var lines []string
	for _, p := range list {
		if p.Line == 0 {
			lines = append(lines, e.File+": "+p.Text)
		} else {
			lines = append(lines, fmt.Sprintf("%s:%d: %s", e.File, p.Line, p.Text))
		}
	}
	return lines
}

func (e *FileError) add(line int, format string, args ...any) {
	e.Problems = append(e.Problems, Problem{line, fmt.Sprintf(format, args...)})
}
