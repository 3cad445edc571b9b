//go:build unix

package codec

import (
	"math"
	"runtime/debug"
	"slices"

	"golang.org/x/sys/unix"
)

// confine limits this process permanently: its memory and files and, where possible, its system
// calls. The error says which limit could not be set.
func confine() (how string, err error) {
	for _, l := range []struct {
		resource int
		limit    uint64
	}{
		{unix.RLIMIT_DATA, dataLimit()}, {unix.RLIMIT_CORE, 0}, {unix.RLIMIT_FSIZE, 0}, {unix.RLIMIT_NOFILE, 16},
	} {
		if err := setLimit(l.resource, l.limit); err != nil {
			return confinedNot, err
		}
	}
	if err := filterSystemCalls(); err != nil {
		return confinedLimits, err
	}
	return confinedSeccomp, nil
}

// setLimit sets a limit, but does not exceed the present one.
func setLimit(resource int, limit uint64) error {
	var now unix.Rlimit
	if err := unix.Getrlimit(resource, &now); err != nil {
		return err
	}
	most := min(now.Max, limit)
	return unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most})
}

// dataLimit returns workerMemory, or more with the race detector, whose shadow memory counts as
// data.
func dataLimit() uint64 {
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return math.MaxInt64
	}
	return workerMemory
}
