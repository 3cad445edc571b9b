// Package inputs finds the files that names on a command line stand for: DICOM files
// (PS3.10 7.1), and pictures. It reads no more of a file than tells which it is.
package inputs

import (
	"bytes"
	"dicomnode/internal/hint"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// DICOM lists the files of the arguments: a file stands for itself, a folder
// for the DICOM files below it, in lexical order.
func DICOM(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		found, err := filesBelow(arg, isPart10)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, hint.Add(fmt.Errorf("find files: no DICOM file in %v", args), "a DICOM file has the letters DICM at byte 128 (PS3.10 7.1)")
	}
	return files, nil
}

// filesBelow lists the wanted files of a folder in lexical order; a file is itself.
func filesBelow(name string, wanted func(path string) bool) ([]string, error) {
	info, err := os.Stat(name)
	if err != nil || !info.IsDir() {
		return []string{name}, err
	}
	var files []string
	err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && wanted(path) {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

// pictureSuffixes are those of files that are segmented though they are no DICOM.
var pictureSuffixes = []string{".png", ".jpg", ".jpeg", ".tif", ".tiff"}

// IsPicture reports whether a file is a picture by its name and no DICOM file.
func IsPicture(path string) bool {
	return slices.Contains(pictureSuffixes, strings.ToLower(filepath.Ext(path))) && !isPart10(path)
}

// Images is DICOM, but a folder without a DICOM file stands for the pictures
// below it.
func Images(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		found, err := filesBelow(arg, isPart10)
		if err == nil && len(found) == 0 {
			found, err = filesBelow(arg, IsPicture)
		}
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, hint.Add(fmt.Errorf("find files: no DICOM file and no picture in %v", args),
			"a DICOM file has the letters DICM at byte 128 (PS3.10 7.1); pictures end in "+strings.Join(pictureSuffixes, ", "))
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
