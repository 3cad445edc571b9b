package fit

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// replace writes the file at path so that path always holds a whole one. What a
// killed process leaves beside it, path with ".part", the next replace overwrites.
func replace(path string, write func(io.Writer) error) error {
	part := path + ".part"
	file, err := os.Create(part)
	if err != nil {
		return err
	}
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("replace %s: %w", path, err), os.Remove(part))
	}
	return nil
}
