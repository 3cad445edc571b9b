//go:build !linux

package codec

import "syscall"

// attributes returns nil: on other systems a worker ends when its input does.
func attributes() *syscall.SysProcAttr { return nil }
