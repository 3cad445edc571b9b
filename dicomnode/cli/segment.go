package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/inputs"
	"dicomnode/dicomnode/offline"
	"dicomnode/segment/scales"
)

// segmentFlags are the flags of the segment verb.
type segmentFlags struct {
	config, out, polarity, effort, version string
	sheet                                  string
	png, json                              bool
	outputs                                map[string]*bool // by form, as in package configs
}

// furtherOutputs are the flags for objects besides the segmentation.
var furtherOutputs = []struct{ form, usage string }{
	{configs.SR, "write a measurement report (TID 1500) as well"},
	{configs.SC, "write a Secondary Capture with outlines and legend as well"},
	{configs.GSPS, "write the outlines as a presentation state as well"},
	{configs.Fractional, "write the probabilities as a FRACTIONAL segmentation as well"},
	{configs.Labelmap, "write a label map segmentation as well"},
}

func segmentCmd(version string) *cobra.Command {
	f := segmentFlags{version: version}
	cmd := &cobra.Command{
		Use: "segment IN… --out DIR [--effort E] [--sr] [--sc] [--gsps] [--png] [--sheet PNG] [--polarity P] [--json]", Short: "segment DICOM files and pictures offline",
		Long: `Segment files or folders as the node does. For each image it writes
DIR/NAME.seg.dcm and, with --png, an overlay picture DIR/NAME.png; --sr, --sc,
--gsps, --fractional and --labelmap also write DIR/NAME.sr.dcm and so on; --sheet
FILE draws the images and their masks beside each other on one picture. Dark
frames, thresholds and model are those of the configuration, or the defaults
if there is none. Images that cannot be segmented are listed; the others are
segmented.

For PNG, TIFF and JPEG pictures, and folders of them without a DICOM file, it writes
DIR/NAME.labels.png instead, with the labels of a data set (0 open beam, 1 soft
tissue, 2 bone, 255 outside the exposed field), and with --png DIR/NAME.overlay.png.
A picture has no attribute for its polarity: --polarity auto segments it in both
polarities, in twice the time, and keeps the result with the higher confidence.
` + command.ExitCodes,
		Example: `  dicomnode segment study/ --out results --png
  dicomnode segment hand.dcm --out results --sr && dicomnode report results/hand.sr.dcm
  dicomnode segment hand.png --out results --png --polarity air_dark`,
		Args: command.WantArgs(1, -1, "files or folders"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.out == "" {
				return command.Usagef("for example --out results", "missing option: --out")
			}
			if !slices.Contains(offline.Polarities, f.polarity) {
				return command.Usagef("--polarity is "+strings.Join(offline.Polarities, ", "), "unknown polarity %q", f.polarity)
			}
			return f.run(cmd, args)
		},
	}
	command.ConfigFlag(cmd, &f.config)
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "folder of the results")
	cmd.Flags().BoolVar(&f.png, "png", false, "write an overlay picture as well")
	cmd.Flags().StringVar(&f.sheet, "sheet", "", fmt.Sprintf("PNG file for a contact sheet of the first %d images", offline.MaxSheet))
	cmd.Flags().StringVar(&f.polarity, "polarity", offline.PolarityAuto, "of pictures: auto, air_dark (bones white) or air_bright")
	cmd.Flags().StringVar(&f.effort, "effort", "", "fast, normal or best (default: the configuration's segmentation.effort)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	f.outputs = map[string]*bool{}
	for _, o := range furtherOutputs {
		f.outputs[o.form] = cmd.Flags().Bool(o.form, false, o.usage)
	}
	return cmd
}

func (f segmentFlags) run(cmd *cobra.Command, args []string) error {
	c, err := command.OptionalConfig(cmd, f.config)
	if err != nil {
		return err
	}
	if f.effort != "" {
		c.Segmentation.Effort = f.effort
		if !slices.Contains(scales.Efforts(), f.effort) {
			return command.Usagef("efforts are "+strings.Join(scales.Efforts(), ", "), "unknown value %q of --effort", f.effort)
		}
	}
	if err := command.WantWritable(f.sheet); err != nil {
		return err
	}
	files, skipped, err := inputs.Images(args)
	if err != nil {
		return err
	}
	for _, path := range skipped {
		cmd.PrintErrf("skipped %s: no DICOM file\n", path)
	}
	s, err := offline.Open(c, offline.Options{Out: f.out, Polarity: f.polarity, Overlay: f.png, Sheet: f.sheet, Version: f.version, Outputs: f.wanted()})
	if err != nil {
		return err
	}
	bar := command.NewProgress(cmd.ErrOrStderr(), len(files), "segmenting")
	reports := s.All(cmd.Context(), files, func() { _ = bar.Add(1) }) // cosmetic
	return errors.Join(s.WriteSheet(), s.Close(), printReports(cmd, reports, f.json))
}

// wanted are the forms whose flags are set.
func (f segmentFlags) wanted() (forms []string) {
	for _, o := range furtherOutputs {
		if *f.outputs[o.form] {
			forms = append(forms, o.form)
		}
	}
	return forms
}

// printReports prints the result of each image.
func printReports(cmd *cobra.Command, reports []offline.Report, asJSON bool) error {
	var err error
	if asJSON {
		err = command.PrintJSON(cmd.OutOrStdout(), reports)
	} else {
		err = offline.WriteTable(cmd.OutOrStdout(), reports)
	}
	return errors.Join(err, offline.Failed(reports))
}
