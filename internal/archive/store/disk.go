package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	pathpkg "path"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"dicomnode/internal/durable"
)

// Folders of a Disk. Files are written in incoming and moved, when complete, to one of the
// folders below objects.
const (
	incomingDir  = "incoming"
	objectsDir   = "objects"
	lostFoundDir = "lost+found"
	folders      = 256
	partSuffix   = ".part"
	fileSuffix   = ".dcm"
)

// Disk is a Store in a folder. Files that arrive between two syncs go to the same subfolder, so
// that one sync makes all their names durable. Files that arrive during a sync go to the next
// one, because file systems block access to a folder while they sync it. After a failed sync a
// subfolder gets no more files: see folderSyncs.
type Disk struct {
	dir  string
	mode fs.FileMode // of dir
	free func() (int64, error)

	mu     sync.Mutex
	folder int // number of the subfolder for new files
	syncs  folderSyncs
}

var _ Store = (*Disk)(nil)

// OpenDisk opens the store in the existing folder dir and creates missing subfolders. Files get
// the owner of dir, and its mode without execute permission.
func OpenDisk(dir string) (*Disk, error) {
	d, err := openDisk(dir)
	if err != nil {
		return nil, err
	}
	return d, d.makeFolders()
}

// OpenShared opens the store beside a running owner and creates nothing.
func OpenShared(dir string) (*Disk, error) { return openDisk(dir) }

func openDisk(dir string) (*Disk, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	d := &Disk{dir: dir, mode: info.Mode().Perm()}
	d.syncs = folderSyncs{do: (*os.File).Sync, locks: map[string]*sync.Mutex{}, failed: map[string]error{}}
	d.folder = int(randomBytes(1)[0]) // random, so that all subfolders fill evenly if the node restarts often
	d.free = func() (int64, error) { return freeBytes(dir) }
	return d, nil
}

// makeFolders creates missing subfolders and makes them, and the folder of the store, durable.
func (d *Disk) makeFolders() error {
	wanted := []string{filepath.Join(d.dir, incomingDir)}
	for i := range folders {
		wanted = append(wanted, filepath.Join(d.dir, objectsDir, folderName(i)))
	}
	if err := durable.SyncDir(filepath.Dir(d.dir)); err != nil {
		return err
	}
	return durable.MakeAll(d.mode, wanted...)
}

func folderName(i int) string { return fmt.Sprintf("%02x", i%folders) }

// path returns the path of a file. It returns an error if the name, which comes from the index,
// points outside the store.
func (d *Disk) path(name string) (string, error) {
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("file name %q leads out of the store", name)
	}
	return filepath.Join(d.dir, filepath.FromSlash(name)), nil
}

// Open opens a kept file.
func (d *Disk) Open(name string) (File, error) {
	path, err := d.path(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nameless(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("the stored object is no regular file")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return diskFile{f, info.Size()}, nil
}

type diskFile struct {
	*os.File
	size int64
}

func (f diskFile) Size() int64 { return f.size }

// nameless returns an error of the disk without the path: logs name the object's number
// instead.
func nameless(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("%s stored object: %w", path.Op, path.Err)
	}
	return err
}

// Sync makes the names of files durable by syncing each of their folders once.
func (d *Disk) Sync(names ...string) error {
	var g errgroup.Group
	seen := map[string]bool{}
	for _, name := range names {
		path, err := d.path(name)
		if err != nil {
			return err
		}
		if _, err := os.Lstat(path); err != nil {
			return nameless(err)
		}
		if folder := filepath.Dir(path); !seen[folder] {
			seen[folder] = true
			d.leave(filepath.Base(folder))
			g.Go(func() error { return d.syncs.sync(folder) })
		}
	}
	return full(g.Wait())
}

// leave makes new files go to the next subfolder if they go to this one now.
func (d *Disk) leave(folder string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if folder == folderName(d.folder) {
		d.folder++
	}
}

// Secure implements Store.
func (d *Disk) Secure(name string) (string, error) {
	path, err := d.path(name)
	if err != nil {
		return "", err
	}
	if err := durable.Rewrite(path); err != nil {
		return "", full(nameless(err))
	}
	anew := pathpkg.Join(pathpkg.Dir(name), random()+fileSuffix)
	to, err := d.path(anew)
	if err == nil {
		err = os.Rename(path, to)
	}
	if err != nil {
		return "", full(nameless(err))
	}
	return anew, d.Sync(anew)
}

// Err implements Store.
func (d *Disk) Err() error {
	_, err := d.nextFolder()
	return err
}

// Remove implements Store.
func (d *Disk) Remove(names ...string) error {
	for _, name := range names {
		path, err := d.path(name)
		if err != nil {
			return err
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nameless(err)
		}
	}
	return nil
}

// SetAside moves a file to lost+found.
func (d *Disk) SetAside(name string) (string, error) {
	path, err := d.path(name)
	if err != nil {
		return "", err
	}
	to := filepath.Join(d.dir, lostFoundDir)
	if err := durable.MkdirAll(to, d.mode); err != nil {
		return "", err
	}
	base := filepath.Base(path)
	for i := 1; ; i++ {
		if _, err := os.Lstat(filepath.Join(to, base)); errors.Is(err, fs.ErrNotExist) {
			break
		}
		base = fmt.Sprintf("%d-%s", i, filepath.Base(path))
	}
	if err := os.Rename(path, filepath.Join(to, base)); err != nil {
		return "", err
	}
	return filepath.ToSlash(filepath.Join(lostFoundDir, base)), errors.Join(durable.SyncDir(to), d.syncs.sync(filepath.Dir(path)))
}

// List lists the files folder by folder.
func (d *Disk) List(visit func(names []string) error) error {
	list, err := os.ReadDir(filepath.Join(d.dir, objectsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, folder := range list {
		if !folder.IsDir() {
			continue
		}
		files, err := os.ReadDir(filepath.Join(d.dir, objectsDir, folder.Name()))
		if err != nil {
			return err
		}
		var names []string
		for _, f := range files {
			if f.Type().IsRegular() {
				names = append(names, objectsDir+"/"+folder.Name()+"/"+f.Name())
			}
		}
		if len(names) == 0 {
			continue
		}
		if err := visit(names); err != nil {
			return err
		}
	}
	return nil
}

// Sweep discards drafts: no sender was told that they are stored.
func (d *Disk) Sweep() (discarded, aside int, err error) {
	list, err := os.ReadDir(filepath.Join(d.dir, incomingDir))
	if err != nil {
		return 0, 0, err
	}
	for _, f := range list {
		name := incomingDir + "/" + f.Name()
		if f.Type().IsRegular() && strings.HasSuffix(f.Name(), partSuffix) {
			if err := d.Remove(name); err != nil {
				return discarded, aside, err
			}
			discarded++
			continue
		}
		if _, err := d.SetAside(name); err != nil {
			return discarded, aside, err
		}
		aside++
	}
	return discarded, aside, nil
}

// Free returns the number of bytes that an unprivileged process may still write.
func (d *Disk) Free() (int64, error) { return d.free() }
