package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/inputs"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/hint"
	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
)

func darkCmd() *cobra.Command {
	return command.Group("dark", "add, list and drop the dark frames of detectors", darkAddCmd(), darkListCmd(), darkDropCmd())
}

// openDarks opens the calibrations of the configuration at path.
func openDarks(path string) (*dark.Store, string, error) {
	c, err := command.LoadConfig(path)
	if err != nil {
		return nil, "", err
	}
	s, err := dark.Open(pipeline.DarkDir(c))
	if err != nil {
		return nil, "", fmt.Errorf("open dark frames: %w", err)
	}
	return s, pipeline.DarkDir(c), nil
}

func darkAddCmd() *cobra.Command {
	var config string
	var flood bool
	cmd := &cobra.Command{
		Use: "add FRAMES… [--flood]", Short: "add exposures made with the tube off",
		Long: `Add dark frames (DICOM files or folders). From raw images of the same detector,
size, binning and mode the node subtracts the mean of the dark frames, per pixel and
without the smallest and largest value. Defective pixels are replaced by their
neighbours. With --flood the frames are exposures with nothing in the beam, which
give the gain of each pixel. A frame that is added twice counts once. A running node
uses the frames from its next image on.
` + command.ExitCodes,
		Example: "  dicomnode dark add frames/ --config dicomnode.yaml",
		Args:    command.WantArgs(1, -1, "dark frames"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, dir, err := openDarks(config)
			if err != nil {
				return err
			}
			files, err := inputs.DICOM(args)
			if err != nil {
				return err
			}
			kind, add := "dark", s.AddDark
			if flood {
				kind, add = "flood", s.AddFlood
			}
			codecs, err := pipeline.OpenCodecs(configs.Default(), nil)
			if err != nil {
				return err
			}
			defer codecs.Close()
			for i, file := range files {
				img, err := decode.ReadFile(cmd.Context(), file, codecs)
				if err == nil {
					err = add(img)
				}
				if err != nil {
					return damaged(dir, fmt.Errorf("file %d of %d (%s): %w", i+1, len(files), file, err))
				}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d %s frames added\n", len(files), kind)
			return err
		},
	}
	command.ConfigFlag(cmd, &config)
	cmd.Flags().BoolVar(&flood, "flood", false, "the frames are flood frames: exposures with nothing in the beam")
	return cmd
}

// damaged adds a hint to an error of reading a calibration file.
func damaged(dir string, err error) error {
	if errors.Is(err, dark.ErrDamaged) {
		return hint.Add(err, "until then the offset of its detector is estimated; remove the file from "+dir+" and add the frames again")
	}
	return err
}

// darkEntry describes the calibration of one detector.
type darkEntry struct {
	Detector string  `json:"detector"`
	Rows     int     `json:"rows"`
	Columns  int     `json:"columns"`
	Binning  string  `json:"binning,omitempty"`
	Mode     string  `json:"mode,omitempty"`
	Frames   int     `json:"frames"`
	Floods   int     `json:"flood_frames"`
	Offset   float64 `json:"mean_offset"`
	Gain     bool    `json:"gain"`
	Defects  int     `json:"defect_pixels"`
	Digest   string  `json:"digest"`
}

func newDarkEntry(d *dark.Calibration) darkEntry {
	var sum float64
	for _, v := range d.Offset {
		sum += float64(v)
	}
	return darkEntry{d.Key.Detector, d.Key.Rows, d.Key.Columns, d.Key.Binning, d.Key.Mode, d.Frames, d.Floods,
		sum / float64(max(len(d.Offset), 1)), d.Gain != nil, d.Defect.Count(), d.Digest}
}

func darkListCmd() *cobra.Command {
	var config string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list [--json]", Short: "list the detectors that have dark or flood frames",
		Long: `List the detectors that have dark or flood frames. Both are used from the third
dark frame on. Calibration files that cannot be read are named; the exit code is then 1.
` + command.ExitCodes,
		Example: "  dicomnode dark list --config dicomnode.yaml",
		Args:    command.WantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, dir, err := openDarks(config)
			if err != nil {
				return err
			}
			known, problems := s.List()
			return errors.Join(printDarks(cmd.OutOrStdout(), known, asJSON), damaged(dir, problems))
		},
	}
	command.ConfigFlag(cmd, &config)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printDarks(out io.Writer, known []*dark.Calibration, asJSON bool) error {
	entries := make([]darkEntry, len(known))
	for i, d := range known {
		entries[i] = newDarkEntry(d)
	}
	slices.SortFunc(entries, func(a, b darkEntry) int {
		return cmp.Or(cmp.Compare(a.Detector, b.Detector), a.Rows-b.Rows, a.Columns-b.Columns, cmp.Compare(a.Binning+a.Mode, b.Binning+b.Mode))
	})
	if asJSON {
		return command.PrintJSON(out, entries)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DETECTOR\tSIZE\tBINNING\tMODE\tDARK FRAMES\tFLOOD FRAMES\tMEAN OFFSET\tGAIN\tDEFECT PIXELS")
	for _, e := range entries {
		fmt.Fprintf(w, "%s\t%d×%d\t%s\t%s\t%d\t%d\t%.1f\t%s\t%d\n", e.Detector, e.Rows, e.Columns, e.Binning, e.Mode,
			e.Frames, e.Floods, e.Offset, yesNo(e.Gain), e.Defects)
	}
	return w.Flush()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func darkDropCmd() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use: "drop DETECTOR", Short: "remove the dark and flood frames of a detector",
		Long: `Remove the dark and flood frames of a detector, named as in "dark list", for
example after its repair or when a wrong frame was added. Until new frames are added,
the offset of its images is estimated.
` + command.ExitCodes,
		Example: "  dicomnode dark drop DX1-SERIAL-17 --config dicomnode.yaml",
		Args:    command.WantArgs(1, 1, "one detector"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, dir, err := openDarks(config)
			if err != nil {
				return err
			}
			n, err := s.Drop(args[0])
			if n == 0 && err == nil {
				return hint.Add(fmt.Errorf("drop dark frames: none of detector %q", args[0]), "see \"dicomnode dark list\"")
			}
			_, printed := fmt.Fprintf(cmd.OutOrStdout(), "%d calibrations dropped\n", n)
			return errors.Join(damaged(dir, err), printed)
		},
	}
	command.ConfigFlag(cmd, &config)
	return cmd
}
