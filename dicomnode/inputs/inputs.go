// Package inputs finds the files that names on a command line stand for: DICOM files
// (PS3.10 7.1), and pictures. It reads no more of a file than tells which it is.
package inputs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dicomnode/internal/hint"
	"dicomnode/internal/part10"
)

// DICOM lists the files of the arguments: a file stands for itself, a folder
// for the DICOM files below it, in lexical order.
func DICOM(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		found, _, err := filesBelow(arg, isDICOM)
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

// filesBelow lists the wanted files of a folder in lexical order, and the others;
// a file is itself.
func filesBelow(name string, wanted func(path string) bool) (files, others []string, err error) {
	info, err := os.Stat(name)
	if err != nil || !info.IsDir() {
		return []string{name}, nil, err
	}
	err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir():
		case d.Type().IsRegular() && wanted(path):
			files = append(files, path)
		default:
			others = append(others, path)
		}
		return err
	})
	return files, others, err
}

// pictureSuffixes are those of files that are segmented though they are no DICOM.
var pictureSuffixes = []string{".png", ".jpg", ".jpeg", ".tif", ".tiff"}

// IsPicture reports whether a file is a picture by its name and no DICOM file.
func IsPicture(path string) bool {
	return slices.Contains(pictureSuffixes, strings.ToLower(filepath.Ext(path))) && !isDICOM(path)
}

// Images is DICOM, but a folder without a DICOM file stands for the pictures
// below it. Skipped are the files of the folders that are taken for neither.
func Images(args []string) (files, skipped []string, err error) {
	for _, arg := range args {
		found, others, err := filesBelow(arg, isDICOM)
		if err == nil && len(found) == 0 {
			found, others, err = filesBelow(arg, IsPicture)
		}
		if err != nil {
			return nil, nil, err
		}
		files, skipped = append(files, found...), append(skipped, others...)
	}
	if len(files) == 0 {
		return nil, nil, hint.Add(fmt.Errorf("find files: no DICOM file and no picture in %v", args),
			"a DICOM file has the letters DICM at byte 128 (PS3.10 7.1); pictures end in "+strings.Join(pictureSuffixes, ", "))
	}
	return files, skipped, nil
}

// isDICOM looks whether a file begins as a DICOM file does, or as a data set
// without the frame of one (PS3.10 7.1).
func isDICOM(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return part10.Recognise(f)
}
