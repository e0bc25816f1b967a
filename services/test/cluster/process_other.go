//go:build !linux

package cluster

import "syscall"

// dieWithParent has no such means here: Cleanup ends the processes, unless the test
// process is killed.
func dieWithParent() *syscall.SysProcAttr { return nil }
