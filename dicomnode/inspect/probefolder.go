package inspect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"dicomnode/configs"
	"dicomnode/internal/durable"
	"dicomnode/internal/hint"
)

// existing is the folder, or its nearest parent that exists.
func existing(dir string) (string, fs.FileInfo, error) {
	for dir = filepath.Clean(dir); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return dir, info, err
		}
	}
}

// Writable returns why this user cannot write into the data folder of a configuration, or into
// the folder in which it would be created. Its errors have a hint.
func Writable(c configs.Config) error {
	dir, info, err := existing(c.Node.DataDir)
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return hint.Add(fmt.Errorf("%s is below a file", c.Node.DataDir), "name a folder: node: {data_dir: …}")
	case err != nil:
		return hint.Add(err, writableHint)
	case !info.IsDir():
		return hint.Add(fmt.Errorf("%s is a file", dir), "name a folder: node: {data_dir: …}")
	}
	return hint.Add(durable.Ready(filepath.Join(dir, "probe")), writableHint)
}

const writableHint = "run this as the user that the node runs as; the folder of node: {data_dir: …} must be that user's"

// tryFolder tests whether the data folder is writable, and whether all its files have the same
// owner: the node does not start if another user has created files there.
func tryFolder(c configs.Config) Tried {
	t := Tried{What: "data folder", Err: Writable(c)}
	if t.Err != nil {
		return t
	}
	dir, info, err := existing(c.Node.DataDir)
	if err != nil {
		t.Err = err
		return t
	}
	owner := ownerOf(info)
	t.Found = fmt.Sprintf("%s can be written into, it is of user %s", c.Node.DataDir, userName(owner))
	if dir != filepath.Clean(c.Node.DataDir) {
		t.Found = fmt.Sprintf("%s is not there yet; %s can be written into, it is of user %s", c.Node.DataDir, dir, userName(owner))
		return t
	}
	if path, other := foreignFile(c.Node.DataDir, owner); path != "" {
		t.Err = hint.Add(fmt.Errorf("%s is of user %s, the folder of %s", path, userName(other), userName(owner)),
			fmt.Sprintf("somebody ran dicomnode there as %s; give it back: chown -R %s %s", userName(other), userName(owner), c.Node.DataDir))
	}
	return t
}

// foreignDepth is the depth of folders in which files of other owners are searched: the index,
// the models and dark frames, but not every object.
const foreignDepth = 2

// foreignFile is a file or folder in dir that belongs to another user.
func foreignFile(dir string, owner uint32) (path string, other uint32) {
	_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error { // unreadable files are reported elsewhere
		if err != nil {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		if o := ownerOf(info); o != owner {
			path, other = p, o
			return fs.SkipAll
		}
		if d.IsDir() && strings.Count(strings.TrimPrefix(p, dir), string(filepath.Separator)) >= foreignDepth {
			return fs.SkipDir
		}
		return nil
	})
	return path, other
}

func ownerOf(info fs.FileInfo) uint32 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Uid
	}
	return uint32(os.Getuid())
}

// userName is the name of a user of the system, or the number if it has none.
func userName(id uint32) string {
	number := strconv.FormatUint(uint64(id), 10)
	if u, err := user.LookupId(number); err == nil {
		return u.Username
	}
	return number
}
