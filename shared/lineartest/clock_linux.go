package lineartest

import (
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

const threadCPU = 3 // CLOCK_THREAD_CPUTIME_ID

// timeOf is the processor time that f takes of its thread: what others do on the
// machine does not count.
func timeOf(f func(string), text string) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin := threadTime()
	f(text)
	return max(threadTime()-begin, 1)
}

func threadTime() time.Duration {
	var ts syscall.Timespec
	_, _, _ = syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadCPU, uintptr(unsafe.Pointer(&ts)), 0) //nolint:gosec // how it is called
	return time.Duration(ts.Nano())
}
