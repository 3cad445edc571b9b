package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// expand lists the files of the arguments: a file stands for itself, a folder
// for the DICOM files below it, in lexical order.
func expand(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		err = filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && isPart10(path) {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, hinted(fmt.Errorf("find files: no DICOM file in %v", args), "a DICOM file has the letters DICM at byte 128 (PS3.10 7.1)")
	}
	return files, nil
}

// isPart10 looks for the prefix DICM after the preamble (PS3.10 7.1).
func isPart10(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [132]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && bytes.Equal(head[128:], []byte("DICM"))
}
