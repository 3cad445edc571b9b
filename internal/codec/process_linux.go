package codec

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// pipeSize is the largest that the kernel gives without privilege; pictures pass
// through it with a tenth of the switches.
const pipeSize = 1 << 20

func widen(pipe any) {
	if f, ok := pipe.(*os.File); ok {
		if c, err := f.SyscallConn(); err == nil {
			c.Control(func(fd uintptr) { unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
		}
	}
}

// attributes let the kernel end a worker with the thread that started it.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
