package trainercmd

import (
	"context"
	"errors"
	"io/fs"

	"dicomnode/internal/hint"
	"dicomnode/trainer/calibrate"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
	"dicomnode/trainer/simulate"
	"dicomnode/trainer/simulate/body"
	"dicomnode/trainer/simulate/ct"
)

// hintedData says what to do about a data set that cannot be used; other errors, and
// those that have a hint, stay as they are.
func hintedData(err error) error {
	var problem dataset.Problem
	switch {
	case hint.Of(err) != "":
		return err
	case errors.Is(err, evaluate.ErrEmpty), errors.Is(err, calibrate.ErrEmpty):
		return hint.Add(err, "see what --split and --exclude leave: \"dicomnode trainer dataset check\" lists the splits")
	case errors.As(err, &problem):
		return hint.Add(err, problem.Hint)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, dataset.ErrFormat):
		return hint.Add(err, "\"dicomnode trainer dataset check\" explains what is wrong with a folder")
	}
	return err
}

// GoesOn is the hint of a verb that was interrupted and keeps what it has done.
const GoesOn = "the same command goes on where it was"

// hintedSimulation says what to do about what simulate refuses.
func hintedSimulation(err error) error {
	switch {
	case errors.Is(err, simulate.ErrOther):
		return hint.Add(err, "choose another --out, or give the --seed, --size and --anatomy that the folder was begun with")
	case errors.Is(err, body.ErrNPZ), errors.Is(err, ct.ErrNIfTI):
		return hint.Add(err, "--anatomy is a surface model (.npz) or a CT (.nii, .nii.gz) as docs/dataset.md describes them")
	case errors.Is(err, context.Canceled):
		return hint.Add(err, GoesOn)
	}
	return err
}
