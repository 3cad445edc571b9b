package archive

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
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
// brings back. Erase returns the number of removed objects, including results.
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
	if err := appendErased(a.opt.Dir, uids); err != nil {
		return 0, fmt.Errorf("note what is erased: %w", err)
	}
	return a.erase(ctx, uids, objectList(ids))
}

func (a *Archive) erase(ctx context.Context, uids []string, subject string) (removed int, err error) {
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
	f, err := os.OpenFile(filepath.Join(dir, erasedName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, uid := range uids {
		fmt.Fprintf(&b, "%s %s\n", erasedKey(uid), time.Now().UTC().Format(time.RFC3339Nano))
	}
	_, err = f.WriteString(b.String())
	return errors.Join(err, durable.Own(f), f.Sync(), f.Close(), durable.SyncDir(dir))
}

// readErased reads the list of a folder. It returns the time of the last erasure of each
// instance by its key.
func readErased(dir string) (map[string]time.Time, error) {
	f, err := os.Open(filepath.Join(dir, erasedName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	keys := map[string]time.Time{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		key, at, _ := strings.Cut(lines.Text(), " ")
		when, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			return nil, fmt.Errorf("read the list of what was erased: %w", err)
		}
		if when.After(keys[key]) {
			keys[key] = when
		}
	}
	return keys, lines.Err()
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
	f, err := os.OpenFile(filepath.Join(dir, erasedName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, durable.Own(f), f.Sync(), f.Close())
}

// EraseAgain erases instances of the list that a restored backup has brought back, and returns
// how many objects it removed. An instance that was received after its erasure stays.
func (a *Archive) EraseAgain(ctx context.Context) (removed int, err error) {
	back, err := a.restoredInstances(ctx)
	if err != nil || len(back) == 0 {
		return 0, err
	}
	return a.erase(ctx, back, "what a backup brought back")
}

// restoredInstances returns the SOP Instance UIDs of received objects that are older than their entry in
// the list.
func (a *Archive) restoredInstances(ctx context.Context) (uids []string, err error) {
	erased, err := readErased(a.opt.Dir)
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
