package trainercmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/internal/durable"
	"dicomnode/internal/hint"
	"dicomnode/trainer/augment"
	"dicomnode/trainer/dataset"
)

// augmentFlags are those of trainer augment.
type augmentFlags struct {
	opt   augment.Options
	sheet string
	json  bool
}

func trainerAugmentCmd() *cobra.Command {
	f := augmentFlags{opt: augment.Options{Variation: augment.DefaultVariation}}
	cmd := &cobra.Command{
		Use: "augment DATASET --out DATASET [--per-body-part N] [--seed S] [--sheet PNG] [--json]", Short: "augment training images, balanced over the body parts",
		Long: `Write a data set folder with the same number of pictures of each body part: the
training images of DATASET and augmented copies of them (elastic deformation,
translation, rotation, shear, crop, flips, intensity). Picture and label are
transformed alike; pixels from outside the image are ignored (255). Only the split
"train" is used: make it first with "dicomnode trainer split". The same data, options
and seed give the same pictures; an interrupted run resumes when the command is
repeated. "dicomnode trainer fit" also augments during training, with less elastic
deformation. --sheet writes a contact sheet of pictures and labels.
` + command.ExitCodes,
		Example: "  dicomnode trainer augment data/ours --out data/augmented --sheet sheet.png",
		Args:    command.WantArgs(1, 1, "one data set folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.opt.Out == "" {
				return command.Usagef("for example --out data/augmented", "missing option: --out")
			}
			for i, s := range f.opt.Splits {
				if s == "none" {
					f.opt.Splits[i] = ""
				}
			}
			return f.run(cmd, args[0])
		},
	}
	f.add(cmd)
	return cmd
}

func (f *augmentFlags) add(cmd *cobra.Command) {
	flags, v := cmd.Flags(), &f.opt.Variation
	flags.StringVarP(&f.opt.Out, "out", "o", "", "folder to write")
	flags.IntVar(&f.opt.PerBodyPart, "per-body-part", 500, "pictures of each body part, the originals among them")
	flags.IntVar(&f.opt.Size, "size", 400, "longer side of the pictures in pixels; the network sees 200")
	flags.Uint64Var(&f.opt.Seed, "seed", 1, "seed of everything random")
	flags.StringSliceVar(&f.opt.Splits, "split", nil, "split to use (repeatable; default train; none: images without a split)")
	flags.StringSliceVar(&f.opt.Exclude, "exclude", nil, "pattern of ids to leave out (repeatable)")
	flags.IntVar(&f.opt.Workers, "threads", 0, "pictures made at a time; 0 is one per core")
	flags.Float64Var(&v.Elastic, "elastic", v.Elastic, "largest elastic displacement, of the longer side")
	flags.Float64Var(&v.Translate, "translate", v.Translate, "largest shift, of the longer side")
	flags.Float64Var(&v.Rotate, "rotate", v.Rotate, "largest rotation, degrees")
	flags.Float64Var(&v.Shear, "shear", v.Shear, "largest shear, as a tangent")
	flags.Float64Var(&v.Crop, "crop", v.Crop, "largest share cut off each side")
	flags.BoolVar(&v.Flip, "flip", v.Flip, "flip in both directions, and rotate by 90°")
	flags.Float64Var(&v.Gamma, "gamma", v.Gamma, "standard deviation of the logarithm of gamma")
	flags.Float64Var(&v.Noise, "noise", v.Noise, "largest standard deviation of added noise, of the range")
	flags.Float64Var(&v.Clip, "clip", v.Clip, "largest share of the range cut off at either end")
	flags.StringVar(&f.sheet, "sheet", "", "PNG file of a contact sheet")
	flags.BoolVar(&f.json, "json", false, "print JSON")
}

func (f *augmentFlags) run(cmd *cobra.Command, dir string) error {
	if err := command.WantWritable(f.sheet); err != nil {
		return err
	}
	res, err := f.augment(cmd, dir)
	if err != nil {
		return err
	}
	if f.sheet != "" {
		if err := f.writeSheet(); err != nil {
			return fmt.Errorf("write contact sheet: %w", err)
		}
	}
	if f.json {
		return command.PrintJSON(cmd.OutOrStdout(), res)
	}
	return f.print(cmd.OutOrStdout(), res)
}

func (f *augmentFlags) augment(cmd *cobra.Command, dir string) (res *augment.Result, err error) {
	data, err := openDataset(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = command.JoinClose(err, data) }()
	bar := command.NewProgress(cmd.ErrOrStderr(), 1000, "augmenting")
	res, err = augment.Run(cmd.Context(), data, f.opt, func(done, total int) { _ = bar.Set(1000 * done / total) }) // cosmetic
	switch {
	case errors.Is(err, augment.ErrEmpty):
		err = hint.Add(fmt.Errorf("augment %s: %w", dir, err), "\"dicomnode trainer split\" chooses the training images; --split names another split, --split none takes images without one")
	case errors.Is(err, augment.ErrOther), errors.Is(err, dataset.ErrExists):
		err = hint.Add(err, "choose another --out, or delete that folder")
	case errors.Is(err, context.Canceled):
		err = hint.Add(err, GoesOn)
	}
	return res, err
}

func (f *augmentFlags) writeSheet() error {
	made, err := openDataset(f.opt.Out)
	if err != nil {
		return err
	}
	return command.JoinClose(durable.Replace(f.sheet, 0o644, func(w io.Writer) error { return augment.DefaultSheet.Write(w, made) }), made)
}

func (f *augmentFlags) print(out io.Writer, res *augment.Result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	var notes strings.Builder
	fmt.Fprintln(w, "BODY PART\tORIGINALS\tPICTURES")
	for _, p := range res.Parts {
		name := p.Name
		if name == "" {
			name = "(none)"
		}
		fmt.Fprintf(w, "%s\t%d\t%d\n", name, p.Origins, p.Images)
		if p.Origins > p.Images {
			fmt.Fprintf(&notes, "note: %d originals of %s were left out: --per-body-part is %d\n", p.Origins-p.Images, name, p.Images)
		}
	}
	fmt.Fprintf(w, "%s%d pictures in %s\n", notes.String(), res.Images, f.opt.Out)
	if res.Kept > 0 {
		fmt.Fprintf(w, "%d of them were there already\n", res.Kept)
	}
	return w.Flush()
}
