package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dicomnode/internal/archive/index"
	"dicomnode/internal/archive/jobs"
	"dicomnode/internal/durable"
)

// ErrRunning says that a job for an object is running.
var ErrRunning = errors.New("a job about it runs; try again in a moment")

// Erase removes received objects, given by their ids, with all their versions, results and
// tombstones. It is recorded as a manual action. The hashes of their SOP Instance UIDs are
// added to a list beside the index, so that EraseAgain can find objects that a restored backup
// brings back. If a job for one of them runs, Erase returns ErrRunning and removes and records
// nothing. Erase returns the number of removed objects, including results.
func (a *Archive) Erase(ctx context.Context, ids ...int64) (removed int, err error) {
	var uids []string
	for _, id := range ids {
		o, err := a.Object(ctx, id)
		if err != nil {
			return 0, fmt.Errorf("object %d: %w", id, err)
		}
		if !slices.Contains(uids, o.SOPInstanceUID) {
			uids = append(uids, o.SOPInstanceUID)
		}
	}
	if len(uids) == 0 {
		return 0, nil
	}
	return a.erase(ctx, uids, objectList(ids), func() error {
		if err := appendErased(a.opt.Dir, uids); err != nil {
			return fmt.Errorf("note what is erased: %w", err)
		}
		return nil
	})
}

// erase removes instances. It calls note before the commit, when nothing but that can fail.
func (a *Archive) erase(ctx context.Context, uids []string, subject string, note func() error) (removed int, err error) {
	var names []string
	err = a.index.Update(ctx, func(tx index.Tx) error {
		names = nil
		all := uids
		for _, uid := range uids {
			more, results, err := a.eraseInstance(ctx, tx, uid)
			if err != nil {
				return err
			}
			names, all = append(names, more...), append(all, results...)
		}
		tx.BeforeCommit(note)
		return errors.Join(tx.Forget(all...), act(ctx, tx, "erase", subject))
	})
	if err != nil {
		return 0, err
	}
	return len(names), a.store.Remove(names...)
}

// eraseInstance removes the rows and jobs of a SOP instance. It returns the names of its files
// and the SOP Instance UIDs of its results.
func (a *Archive) eraseInstance(ctx context.Context, tx index.Tx, uid string) (names, results []string, err error) {
	versions, err := tx.Versions(uid)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range versions {
		children, err := tx.Children(v.ID)
		if err != nil {
			return nil, nil, err
		}
		ids := []int64{v.ID}
		for _, c := range children {
			ids, results = append(ids, c.ID), append(results, c.SOPInstanceUID)
		}
		entries, err := a.idleJobs(ctx, tx, ids)
		if err != nil {
			return nil, nil, fmt.Errorf("object %d: %w", v.ID, err)
		}
		if err := a.withdraw(tx, entries); err != nil {
			return nil, nil, err
		}
		more, err := replaceByTombstones(tx, v.ID, "erased", nil) // forgotten in this transaction
		if err != nil {
			return nil, nil, err
		}
		names = append(names, more...)
	}
	tombstones, err := tx.TombstonesOf(uid)
	for _, b := range tombstones {
		for _, r := range b.Results {
			results = append(results, r.SOPInstanceUID)
		}
	}
	return names, results, err
}

// idleJobs returns the jobs of objects, or ErrRunning if one of them is running.
func (a *Archive) idleJobs(ctx context.Context, tx index.Tx, objects []int64) ([]jobs.Entry, error) {
	entries, err := a.jobs.Of(ctx, tx, objects...)
	running := slices.DeleteFunc(slices.Clone(entries), func(e jobs.Entry) bool { return e.State != jobs.Running })
	if err != nil || len(running) == 0 {
		return entries, err
	}
	if works, err := a.works(); err != nil || works {
		return nil, cmp.Or(err, ErrRunning)
	}
	for _, e := range running {
		if err := a.jobs.Rescue(ctx, tx, e.ID); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// erasedName is the file name of the list of erased instances. Each line has the SHA-256 of a
// SOP Instance UID and the time, so that the list identifies an instance only to a reader who
// has its UID.
const erasedName = "erased"

func erasedKey(uid string) string {
	sum := sha256.Sum256([]byte(uid))
	return hex.EncodeToString(sum[:])
}

func appendErased(dir string, uids []string) error {
	var b strings.Builder
	for _, uid := range uids {
		fmt.Fprintf(&b, "%s %s\n", erasedKey(uid), time.Now().UTC().Format(time.RFC3339Nano))
	}
	return errors.Join(appendLines(filepath.Join(dir, erasedName), b.String()), durable.SyncDir(dir))
}

// appendLines appends lines to a file, durably. If that fails, the file gets its old size again.
// A last line that an earlier attempt has cut is ended first.
func appendLines(path, lines string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if last := []byte{'\n'}; err == nil && size > 0 {
		if _, err = f.ReadAt(last, size-1); last[0] != '\n' {
			lines = "\n" + lines
		}
	}
	if err == nil {
		_, err = f.WriteString(lines)
	}
	if err = errors.Join(err, durable.Own(f), f.Sync()); err != nil {
		err = errors.Join(err, f.Truncate(size))
	}
	return errors.Join(err, f.Close())
}

// readErased reads the list of a folder. It returns the time of the last erasure of each
// instance by its key, and the number of lines that are not whole: a full disk or a crash has
// cut them, and their erasure failed.
func readErased(dir string) (keys map[string]time.Time, cut int, err error) {
	b, err := os.ReadFile(filepath.Join(dir, erasedName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the list of what was erased: %w", err)
	}
	keys = map[string]time.Time{}
	for line := range strings.Lines(string(b)) {
		key, at, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		when, err := time.Parse(time.RFC3339Nano, at)
		switch {
		case err != nil || len(key) != hex.EncodedLen(sha256.Size):
			cut++
		case when.After(keys[key]):
			keys[key] = when
		}
	}
	return keys, cut, nil
}

// copyErased copies the list to a backup.
func copyErased(from, to string) error {
	err := copyFile(filepath.Join(from, erasedName), filepath.Join(to, erasedName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// mergeErased appends the list of a backup to the list of a folder.
func mergeErased(dir, from string) error {
	b, err := os.ReadFile(filepath.Join(from, erasedName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return appendLines(filepath.Join(dir, erasedName), string(b))
}

// EraseAgain erases instances of the list that a restored backup has brought back, and returns
// how many objects it removed. An instance that was received after its erasure stays.
func (a *Archive) EraseAgain(ctx context.Context) (removed int, err error) {
	back, err := a.restoredInstances(ctx)
	if err != nil || len(back) == 0 {
		return 0, err
	}
	return a.erase(ctx, back, "what a backup brought back", func() error { return nil })
}

// restoredInstances returns the SOP Instance UIDs of received objects that are older than their entry in
// the list.
func (a *Archive) restoredInstances(ctx context.Context) (uids []string, err error) {
	erased, cut, err := readErased(a.opt.Dir)
	if cut > 0 {
		a.opt.Log.Warn("lines of the list of erased objects are cut and count for nothing", "file", erasedName, "lines", cut)
	}
	if err != nil || len(erased) == 0 {
		return nil, err
	}
	err = a.each(ctx, func(o index.Object) error {
		if o.ParentID == 0 && o.Received.Before(erased[erasedKey(o.SOPInstanceUID)]) && !slices.Contains(uids, o.SOPInstanceUID) {
			uids = append(uids, o.SOPInstanceUID)
		}
		return nil
	})
	return uids, err
}
