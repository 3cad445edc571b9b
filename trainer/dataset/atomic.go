package dataset

import (
	"bufio"
	"errors"
	"io"
	"os"
)

// writeAtomic makes the file name in root: whole, or not at all. It is on disk
// when writeAtomic returns. One name must not be written twice at a time.
func writeAtomic(root *os.Root, name string, write func(io.Writer) error) error {
	part := name + ".part"
	file, err := root.Create(part)
	if err != nil {
		return err
	}
	buf := bufio.NewWriterSize(file, 1<<16)
	if err := errors.Join(write(buf), buf.Flush(), file.Sync(), file.Close()); err != nil {
		return errors.Join(err, root.Remove(part))
	}
	return root.Rename(part, name)
}
