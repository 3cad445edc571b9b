package trainercmd

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/trainer/simulate"
)

// simulateFlags are those of trainer simulate.
type simulateFlags struct {
	simulate.Options
	anatomy []string // files, perhaps with =WEIGHT
	dicom   string   // ROWSxCOLUMNS of the detector; empty: no DICOM files
	asJSON  bool
}

// simulatedFiles is what trainer simulate prints as JSON.
type simulatedFiles struct {
	Folder   string `json:"folder"`
	Pictures int    `json:"pictures"`
	DXImages int    `json:"dx_images"`
	Darks    int    `json:"dark_frames"`
}

// darksOfDataset is how many dark frames go with a data set's DICOM files.
const darksOfDataset = 5

func trainerSimulateCmd() *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use: "simulate --out DATASET [--anatomy FILE]... [--count N] [--seed S] [--dicom ROWSxCOLUMNS] [--dicom-presentation] [--json]", Short: "write labelled simulated radiographs",
		Long: `Write a data set folder of simulated radiographs: bodies in many poses and views,
X-ray physics, image processing as of several vendors, exact labels. With --anatomy
the body is a surface model (.npz) or a CT volume; without, it is a phantom of two
legs made of tubes, to try out the training. An interrupted run resumes when the
command is repeated; a folder with other contents is refused. Pictures of one posed
body have the same value in the column patient, so that "dicomnode trainer split"
keeps them together.

A CT is a NIfTI file in Hounsfield units whose name begins with the body part
(foot, head, chest, abdomen_pelvis, knee …), as in knee_7.nii.gz. Its label volume
knee_7_label.nii.gz has 0 outside the body, 1 in soft tissue, 2 in bone. Pixels
beyond the scan are labelled 255. If --anatomy is given several times, surface models
are used in four fifths of the views and CTs in one fifth, or each file in proportion
to its weight (--anatomy knee_7.nii.gz=0.5).

With --dicom, DATASET/dicom also contains the raw detector image of each posed body
(four pictures show the same one) as DX For Processing, including the detector's
offset, and five dark frames. With --dicom-presentation it contains the pictures as
DX For Presentation.
` + command.ExitCodes,
		Example: `  dicomnode trainer simulate --out data/legs --count 200 --seed 1
  dicomnode trainer simulate --out data/legs --count 8 --dicom 2500x2048`,
		Args: command.WantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.Out == "" {
				return command.Usagef("for example --out data/legs --count 200", "missing option: --out")
			}
			return f.run(cmd)
		},
	}
	cmd.Flags().StringVarP(&f.Out, "out", "o", "", "folder to write")
	cmd.Flags().StringArrayVar(&f.anatomy, "anatomy", nil, "whole-body surface model (.npz) or CT (.nii, .nii.gz), optionally with =WEIGHT (repeatable)")
	cmd.Flags().IntVar(&f.Count, "count", 100, "pictures")
	cmd.Flags().IntVar(&f.Size, "size", 256, "longer side of the pictures, 64 to 1024")
	cmd.Flags().Uint64Var(&f.Seed, "seed", 1, "seed of everything random")
	cmd.Flags().StringVar(&f.dicom, "dicom", "", "write DX files of a detector with so many rows and columns, up to 4096x4096")
	cmd.Flags().BoolVar(&f.Presentation, "dicom-presentation", false, "write the pictures as DX files too")
	cmd.Flags().BoolVar(&f.Field, "field", false, "write the exposed field of each picture too, for trainer fit --target field")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func (f simulateFlags) run(cmd *cobra.Command) error {
	dx := simulate.DXOptions{Out: filepath.Join(f.Out, "dicom"), Seed: f.Seed,
		Count: simulate.Views(f.Count), Darks: darksOfDataset}
	if f.dicom != "" {
		var more string
		if n, _ := fmt.Sscanf(f.dicom, "%dx%d%s", &dx.Rows, &dx.Columns, &more); n != 2 {
			return command.Usagef("for example --dicom 2500x2048", "--dicom %q is not ROWSxCOLUMNS", f.dicom)
		}
		if err := dx.Check(); err != nil {
			return err
		}
	}
	var err error
	if f.Anatomy, err = simulate.LoadAnatomy(f.anatomy...); err != nil {
		return hintedSimulation(err)
	}
	dx.Anatomy = f.Anatomy
	bar := command.NewProgress(cmd.ErrOrStderr(), f.Count, "simulating")
	if err := simulate.Run(cmd.Context(), f.Options, func(done, _ int) { _ = bar.Set(done) }); err != nil { // cosmetic
		return hintedSimulation(err)
	}
	if !f.asJSON {
		fmt.Fprintf(cmd.OutOrStdout(), "%d pictures in %s\n", f.Count, f.Out)
	}
	if len(f.anatomy) > 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "hint: the card of a model trained on them names whose anatomy it is: trainer fit --attribution TEXT")
	}
	var images, darks []string
	if f.dicom != "" {
		if images, darks, err = simulate.RunDX(cmd.Context(), dx); err != nil {
			return hintedSimulation(err)
		}
	}
	switch {
	case f.asJSON:
		return command.PrintJSON(cmd.OutOrStdout(), simulatedFiles{f.Out, f.Count, len(images), len(darks)})
	case f.dicom != "":
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d DX images and %d dark frames in %s\n", len(images), len(darks), dx.Out)
	}
	return err
}
