package configs

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// day is what "d" means in a duration: 24 hours, whatever the clock does.
const day = 24 * time.Hour

// maxDays keeps a duration within 64 bits of nanoseconds.
const maxDays = 100_000

// ParseDuration reads a duration as the configuration has them, such as 30s, 5m, 30d or
// 1d12h; only 0 needs no unit.
func ParseDuration(s string) (d time.Duration, err error) {
	err = parseDuration(&d, []byte(s))
	return d, err
}

// parseDuration reads a duration such as 30s, 5m, 30d or 1d12h; only 0 needs no
// unit.
func parseDuration(d *time.Duration, text []byte) (err error) {
	s := strings.Trim(string(text), " \t\n\"'")
	days, rest, has := strings.Cut(s, "d")
	if !has {
		*d, err = time.ParseDuration(s)
		return err
	}
	n, err := strconv.ParseUint(days, 10, 32)
	if err != nil || n > maxDays {
		return errors.New("want a whole number of days")
	}
	if *d = 0; rest != "" {
		*d, err = time.ParseDuration(rest)
	}
	if *d < 0 || *d > day {
		return errors.New("want less than a day behind the days")
	}
	*d += time.Duration(n) * day
	return err
}
