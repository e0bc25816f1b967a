package cluster

import "syscall"

// dieWithParent lets the kernel end a process when the test process dies. (Strictly
// when the thread dies that started it; the Go runtime keeps its threads.)
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
