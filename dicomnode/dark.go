package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dicomnode/segment"
)

func darkCmd() *cobra.Command {
	return group("dark", "add and list the dark frames of detectors", darkAddCmd(), darkListCmd())
}

func darkAddCmd() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use: "add FRAMES…", Short: "add exposures made with the tube off",
		Long: `Add dark frames (DICOM files or folders): the node subtracts their per-pixel
median from raw images of the same detector, size, binning and mode. The newest
nine of a detector are kept. A running node learns of them at its next start;
frames sent to calibration.ae_title count at once.
` + exitCodes,
		Example: "  dicomnode dark add frames/ --config dicomnode.yaml",
		Args:    wantArgs(1, -1, "dark frames"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := loadConfig(config)
			if err != nil {
				return err
			}
			files, err := expand(args)
			if err != nil {
				return err
			}
			s, err := openDarks(darkDir(c))
			if err != nil {
				return err
			}
			for i, file := range files {
				img, err := segment.ReadImage(file)
				if err == nil {
					err = s.add(img)
				}
				if err != nil {
					return fmt.Errorf("add dark frame %d of %d (%s): %w", i+1, len(files), file, err)
				}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d dark frames added\n", len(files))
			return err
		},
	}
	configFlag(cmd, &config)
	return cmd
}

// darkEntry is what is known of one detector.
type darkEntry struct {
	Detector string  `json:"detector"`
	Rows     int     `json:"rows"`
	Columns  int     `json:"columns"`
	Binning  string  `json:"binning,omitempty"`
	Mode     string  `json:"mode,omitempty"`
	Frames   int     `json:"frames"`
	Offset   float64 `json:"mean_offset"`
	Digest   string  `json:"digest"`
}

func darkListCmd() *cobra.Command {
	var config string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list [--json]", Short: "list the detectors whose dark signal is known",
		Long:    "List the detectors whose dark signal is known.\n" + exitCodes,
		Example: "  dicomnode dark list --config dicomnode.yaml",
		Args:    wantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(config)
			if err != nil {
				return err
			}
			s, err := openDarks(darkDir(c))
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), s.entries())
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "DETECTOR\tSIZE\tBINNING\tMODE\tFRAMES\tMEAN OFFSET")
			for _, e := range s.entries() {
				fmt.Fprintf(w, "%s\t%d×%d\t%s\t%s\t%d\t%.1f\n", e.Detector, e.Rows, e.Columns, e.Binning, e.Mode, e.Frames, e.Offset)
			}
			return w.Flush()
		},
	}
	configFlag(cmd, &config)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// entries lists what is known, by detector.
func (s *darkStore) entries() []darkEntry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []darkEntry{}
	for key, d := range s.known {
		var sum float64
		for _, v := range d.Offset {
			sum += float64(v)
		}
		list = append(list, darkEntry{key.Detector, key.Rows, key.Columns, key.Binning, key.Mode, d.Frames, sum / float64(max(len(d.Offset), 1)), d.Digest})
	}
	slices.SortFunc(list, func(a, b darkEntry) int {
		return cmp.Or(strings.Compare(a.Detector, b.Detector), a.Rows-b.Rows, a.Columns-b.Columns, strings.Compare(a.Binning+a.Mode, b.Binning+b.Mode))
	})
	return list
}
