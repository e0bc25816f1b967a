// Package datasets holds the datasets in force: the main configuration, and over
// it a file that is read again while the process runs (setting datasetsFile).
//
// It promises that what readers get is whole and never changes (a Snapshot), that
// a file with anything wrong in it changes nothing and is told once, with the line
// of each problem, and that a renewed certificate counts as a change. It looks at
// the content and nothing else: a ConfigMap changes by links that are swapped, other
// file systems tell no one, and a second is soon enough. What it finds changed it
// takes over when the next look finds the same, so that a file which is being
// written is not taken for a shorter one.
//
// The grammar of the file is package config's. This package knows no role: those
// ask it, and subscribe to changes.
package datasets
