package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dicomnode/internal/durable"
)

// ErrRebuilding says that a rebuild of the database was begun and not completed.
var ErrRebuilding = errors.New("a rebuild of the index runs, or was interrupted")

// rebuildingName is the name of the file that exists during a rebuild. It contains the name of
// the database before the rebuild, "" if there was none.
const rebuildingName = FileName + ".rebuilding"

// parts are the suffixes of the files of a database. The database itself is moved last: where it
// is, its log is not left behind.
var parts = []string{"-wal", "-shm", ""}

// BeginRebuild moves the database in dir away, so that a new one can be created, and returns
// its new path; "" if there was none. Until EndRebuild, CheckRebuilt returns ErrRebuilding.
// After an interruption BeginRebuild returns the same path again, whatever has been created
// since: the incomplete database is moved away too.
func BeginRebuild(dir string) (old string, err error) {
	name, err := markRebuild(dir)
	if err != nil {
		return "", err
	}
	to := name
	if there, err := exists(dir, name); err != nil {
		return "", err
	} else if name == "" || there {
		to, err = freeName(dir)
		if err != nil {
			return "", err
		}
	}
	if err := moveAway(dir, to); err != nil || name == "" {
		return "", err
	}
	return filepath.Join(dir, name), nil
}

// EndRebuild says that the new database is complete and durable.
func EndRebuild(dir string) error {
	if err := os.Remove(filepath.Join(dir, rebuildingName)); err != nil {
		return err
	}
	return durable.SyncDir(dir)
}

// CheckRebuilt returns ErrRebuilding between BeginRebuild and EndRebuild.
func CheckRebuilt(dir string) error {
	there, err := exists(dir, rebuildingName)
	if err == nil && there {
		err = ErrRebuilding
	}
	return err
}

// markRebuild returns the name that the database in dir gets, or got when the rebuild began; ""
// if there was none.
func markRebuild(dir string) (name string, err error) {
	path := filepath.Join(dir, rebuildingName)
	if b, err := os.ReadFile(path); !errors.Is(err, fs.ErrNotExist) {
		return string(b), err
	}
	there, err := exists(dir, FileName)
	if err == nil && there {
		name, err = freeName(dir)
	}
	if err != nil {
		return "", err
	}
	return name, durable.ReplaceBytes(path, 0o600, []byte(name))
}

// moveAway renames the database in dir, durably, and removes its high-water mark.
func moveAway(dir, name string) error {
	for _, suffix := range parts {
		if err := durable.SyncDir(dir); err != nil {
			return err
		}
		err := os.Rename(filepath.Join(dir, FileName+suffix), filepath.Join(dir, name+suffix))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Remove(filepath.Join(dir, highWaterName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.SyncDir(dir)
}

// freeName returns a name for a database in dir that no file of one has.
func freeName(dir string) (string, error) {
	for i := 1; ; i++ {
		name, used := fmt.Sprintf("%s.lost-%d", FileName, i), false
		for _, suffix := range parts {
			there, err := exists(dir, name+suffix)
			if err != nil {
				return "", err
			}
			used = used || there
		}
		if !used {
			return name, nil
		}
	}
}

// exists reports whether dir has a file with the name; a name "" is none.
func exists(dir, name string) (bool, error) {
	if name == "" {
		return false, nil
	}
	_, err := os.Lstat(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
