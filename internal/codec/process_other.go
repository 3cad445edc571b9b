//go:build !linux

package codec

import "syscall"

// attributes: elsewhere a worker ends when its input does.
func attributes() *syscall.SysProcAttr { return nil }
