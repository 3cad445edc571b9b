//go:build unix

// Package hold keeps lists of objects that must not expire. Each holder, in any process, has
// one file in a folder and keeps it locked while it holds the objects. The package knows
// objects by number only.
package hold

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"dicomnode/internal/durable"
)

// List adds a list with ids to an existing folder. The list is valid until the returned
// function is called or this process ends.
func List(dir string, ids ...int64) (release func() error, err error) {
	f, err := os.CreateTemp(dir, draft+"*") // becomes a list only after it is locked
	if err != nil {
		return nil, err
	}
	path := f.Name()
	release = func() error { return errors.Join(os.Remove(path), f.Close()) }
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = durable.Own(f)
	}
	if err == nil {
		_, err = f.WriteString(joined(ids))
	}
	if err == nil {
		list := filepath.Join(dir, strings.TrimPrefix(filepath.Base(path), draft))
		if err = os.Rename(path, list); err == nil {
			path = list
		}
	}
	if err != nil {
		return nil, errors.Join(err, release())
	}
	return release, nil
}

// draft is the prefix of the name of an incomplete list.
const draft = "new-"

func joined(ids []int64) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(strconv.FormatInt(id, 10) + "\n")
	}
	return b.String()
}

// Listed returns the numbers of all lists of a folder, sorted; none if the folder does not
// exist. It removes lists whose holder has ended.
func Listed(dir string) (ids []int64, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), draft) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		list, err := read(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		ids = append(ids, list...)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// read reads a list, or removes it if it is not locked.
func read(path string) (ids []int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); err == nil {
		return nil, os.Remove(path)
	}
	b, err := os.ReadFile(path)
	for line := range strings.FieldsSeq(string(b)) {
		if id, err := strconv.ParseInt(line, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	return ids, err
}
