package main

import (
	"errors"
	"io/fs"

	"dicomnode/trainer/calibrate"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// hintedData says what to do about a data set that cannot be used; other errors, and
// those that have a hint, stay as they are.
func hintedData(err error) error {
	var told *hintError
	var problem dataset.Problem
	switch {
	case errors.As(err, &told):
		return err
	case errors.Is(err, evaluate.ErrEmpty), errors.Is(err, calibrate.ErrEmpty):
		return hinted(err, "see what --split and --exclude leave: \"dicomnode trainer dataset check\" lists the splits")
	case errors.As(err, &problem):
		return hinted(err, problem.Hint)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, dataset.ErrFormat):
		return hinted(err, "\"dicomnode trainer dataset check\" explains what is wrong with a folder")
	}
	return err
}
