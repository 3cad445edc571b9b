//go:build unix

package durabletest

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Foreign is a folder of another user, as it is for an administrator who does something
// to the data of a service. Only the superuser has such folders.
func Foreign(t testing.TB) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only the superuser writes into folders of others")
	}
	dir := Dir(t)
	if err := os.Chown(dir, foreigner, foreigner); err != nil {
		t.Fatal(err)
	}
	return dir
}

const foreigner = 54321

// AllForeign checks that everything in a folder made by Foreign is its owner's.
func AllForeign(t testing.TB, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		files++
		if owner, ok := info.Sys().(*syscall.Stat_t); !ok || owner.Uid != foreigner || owner.Gid != foreigner {
			t.Errorf("%s %v is not its folder's owner's", path, info.Mode())
		}
		return nil
	})
	if err != nil || files < 2 {
		t.Errorf("%d files, %v", files, err)
	}
}
