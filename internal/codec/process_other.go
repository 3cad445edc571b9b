//go:build !linux

package codec

import "syscall"

func widen(any) {}

// attributes: elsewhere a worker ends when its input does.
func attributes() *syscall.SysProcAttr { return nil }
