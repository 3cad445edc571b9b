//go:build unix

package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"dicomnode/internal/durable"
)

// holdsName is the folder of the lists of objects that do not expire: a file for
// each holder, which has it locked for as long as it holds.
const holdsName = "holds"

// Hold keeps objects from being pruned, in whichever process, until the returned
// function is called or this process ends. An object that is being removed at this
// moment is not kept: who holds looks for its objects afterwards.
func (a *Archive) Hold(ids ...int64) (release func() error, err error) {
	dir := filepath.Join(a.opt.Dir, holdsName)
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("hold objects: %w", err)
	}
	f, err := os.CreateTemp(dir, draftHold+"*") // not a list before it is locked
	if err != nil {
		return nil, fmt.Errorf("hold objects: %w", err)
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
		list := filepath.Join(dir, strings.TrimPrefix(filepath.Base(path), draftHold))
		if err = os.Rename(path, list); err == nil {
			path = list
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hold objects: %w", err), release())
	}
	return release, nil
}

// draftHold begins the name of a list that is not complete.
const draftHold = "new-"

func joined(ids []int64) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(strconv.FormatInt(id, 10) + "\n")
	}
	return b.String()
}

// held lists the objects that are held. A list whose holder has ended is removed.
func (a *Archive) held() (ids []int64, err error) {
	dir := filepath.Join(a.opt.Dir, holdsName)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read holds: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), draftHold) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		list, err := readHold(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read holds: %w", err)
		}
		ids = append(ids, list...)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// readHold reads a list, or removes it where nobody holds it.
func readHold(path string) (ids []int64, err error) {
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
