package main

import (
	"context"
	"errors"
	"io/fs"

	"dicomnode/trainer/calibrate"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
	"dicomnode/trainer/simulate"
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

// goesOn is the hint of a verb that was interrupted and keeps what it has done.
const goesOn = "the same command goes on where it was"

// hintedSimulation says what to do about what simulate refuses.
func hintedSimulation(err error) error {
	switch {
	case errors.Is(err, simulate.ErrOther):
		return hinted(err, "choose another --out, or give the --seed, --size and --anatomy that the folder was begun with")
	case errors.Is(err, context.Canceled):
		return hinted(err, goesOn)
	}
	return err
}
