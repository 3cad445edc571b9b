// Package powercut tells what a disk may hold after the power failed: it records what
// a process does to the files below a folder, and makes the folder as it may be found
// after a cut at any moment. What was not synced is there, is not, or is there in part.
//
// The rules are those of POSIX fsync and no better: the bytes of a file are certain
// when they were written before an fsync of it began that has ended; a name is certain
// when that holds for its folder. Of everything else any part may be lost, in sectors,
// in any order; a file may have its length without its bytes. A rename never loses
// both names. What file systems do better than that (ext4 makes a new file's name
// durable with its bytes) is not assumed.
//
// After an fsync that failed ([RecordFailing]) nothing is kept of what it was to make certain,
// and a later one that succeeds does not help: as Linux does, the disk tells its error once and
// forgets what it could not write.
//
// It is for tests, knows nothing of what is in the files, and needs strace on Linux.
package powercut

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// traced are the calls that a recording holds. One that changes files in a way the
// package does not know makes Record fail.
const traced = "openat,open,creat,close,lseek,write,pwrite64,writev,pwritev,pwritev2,copy_file_range,sendfile,splice," +
	"truncate,ftruncate,fallocate,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,link,linkat,symlink,symlinkat," +
	"unlink,unlinkat,mkdir,mkdirat,rmdir,mmap"

// ErrUnavailable says that processes cannot be traced here.
var ErrUnavailable = errors.New("strace cannot trace a process here")

// Available returns nil when processes can be traced.
func Available() error {
	if out, err := exec.Command("strace", "-f", "-qq", "-e", "trace=fsync", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %w: %s", ErrUnavailable, err, bytes.TrimSpace(out))
	}
	return nil
}

// A Recording is what a process did to the files below a folder.
type Recording struct {
	// Moments is how many moments there are to cut the power at.
	Moments int

	base  *node // the folder before
	dir   string
	calls []*call
}

// Record runs cmd until it ends, however it ends, and returns what it did to the files
// below dir, which must be there. What is in it counts as durable. The output of the
// process is part of the recording ([Recording.Output]); its error messages go to
// cmd.Stderr.
func Record(cmd *exec.Cmd, dir string) (*Recording, error) { return trace(cmd, dir) }

// RecordFailing is [Record] with a disk that fails: of the fsyncs of each thread those that when
// selects, in the words of strace (3 is the third, 3+5 that and each fifth after it), return EIO.
func RecordFailing(cmd *exec.Cmd, dir, when string) (*Recording, error) {
	return trace(cmd, dir, "-e", "inject=fsync,fdatasync:error=EIO:when="+when)
}

func trace(cmd *exec.Cmd, dir string, more ...string) (*Recording, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	base, err := load(dir)
	if err != nil {
		return nil, err
	}
	out, err := os.CreateTemp("", "dicomnode-trace-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	path, err := exec.LookPath("strace")
	if err != nil {
		return nil, err
	}
	options := []string{"strace", "-f", "-qq", "--seccomp-bpf", "-e", "signal=none", "-xx", "-s", "1000000000", "-e", "trace=" + traced, "-o", out.Name()}
	cmd.Args = slices.Concat(options, more, []string{"--", cmd.Path}, cmd.Args[1:])
	cmd.Path = path
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		return nil, err
	}
	r := &Recording{base: base, dir: dir}
	if r.calls, r.Moments, err = readTrace(out); err != nil {
		return nil, err
	}
	_, err = r.until(r.Moments) // what cannot be understood is an error here, not at a cut
	return r, err
}

// Output is what the process had written to its standard output, or had begun to, at a
// moment.
func (r *Recording) Output(moment int) []byte { return r.Sent(moment, 1) }

// Sent is what the process had written to a file descriptor, or had begun to.
func (r *Recording) Sent(moment, descriptor int) (all []byte) {
	for _, c := range r.calls {
		if c.name == "write" && c.began <= moment && c.number(0) == descriptor {
			all = append(all, c.data(1)...)
		}
	}
	return all
}
