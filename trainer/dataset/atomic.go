package dataset

import (
	"bufio"
	"errors"
	"io"
	"os"
)

// writeAtomic makes the file name in root: whole, or not at all when the program
// ends before. With sync it is on disk when writeAtomic returns. One name must not be
// written twice at a time.
func writeAtomic(root *os.Root, name string, sync bool, write func(io.Writer) error) error {
	part := name + ".part"
	file, err := root.Create(part)
	if err != nil {
		return err
	}
	buf := bufio.NewWriterSize(file, 1<<16)
	err = errors.Join(write(buf), buf.Flush())
	if sync {
		err = errors.Join(err, file.Sync())
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, root.Remove(part))
	}
	return root.Rename(part, name)
}
