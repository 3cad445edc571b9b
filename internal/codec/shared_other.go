//go:build !linux

package codec

import (
	"errors"
	"os"
)

var errNoSharedMemory = errors.New("codec workers share memory with the node as Linux alone offers it (memfd_create(2))")

func newShared() (*os.File, error) { return nil, errNoSharedMemory }

func mapShared() ([]byte, error) { return nil, errNoSharedMemory }

func giveBack(*os.File, int64, int64) error { return errNoSharedMemory }
