package main

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/internal/durable"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
	"dicomnode/segment/seg"
)

// segmentFlags are those of the segment verb.
type segmentFlags struct {
	config, out, polarity string
	png, json             bool
}

func segmentCmd() *cobra.Command {
	var f segmentFlags
	cmd := &cobra.Command{
		Use: "segment IN… --out DIR [--png] [--polarity P] [--json]", Short: "segment DICOM files and pictures offline",
		Long: `Run the pipeline of the node on files or folders: each image gives
DIR/NAME.seg.dcm and, with --png, an overlay picture DIR/NAME.png. The dark
frames, thresholds and model are those of the configuration, or the defaults
when there is none. Images that cannot be segmented are listed; the others are
done all the same.

PNG, TIFF and JPEG pictures, and folders of them that hold no DICOM file, give
DIR/NAME.labels.png instead, with 0 for open beam, 1 soft tissue, 2 bone and 255
outside the exposed field, as the labels of a data set, and with --png
DIR/NAME.overlay.png. A picture does not say which end of its scale the open beam
is: --polarity auto takes the way of which the network is surer, at twice the time.
` + exitCodes,
		Example: `  dicomnode segment study/ --out results --png
  dicomnode segment hand.png --out results --png --polarity air_dark`,
		Args: wantArgs(1, -1, "files or folders"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.out == "" {
				return usagef("for example --out results", "%s wants --out", cmd.CommandPath())
			}
			if !slices.Contains(picturePolarities, f.polarity) {
				return usagef("--polarity is "+strings.Join(picturePolarities, ", "), "unknown polarity %q", f.polarity)
			}
			return f.run(cmd, args)
		},
	}
	configFlag(cmd, &f.config)
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "folder of the results")
	cmd.Flags().BoolVar(&f.png, "png", false, "write an overlay picture as well")
	cmd.Flags().StringVar(&f.polarity, "polarity", polarityAuto, "of pictures: auto, air_dark (bones white) or air_bright")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

// optionalConfig is the configuration, or the defaults when the standard place
// has none.
func optionalConfig(cmd *cobra.Command, path string) (configs.Config, error) {
	c, err := loadConfig(path)
	if errors.Is(err, os.ErrNotExist) && !cmd.Flags().Changed("config") {
		c := configs.Default()
		c.Model.Bundle = embedded // there is no node whose published models could be meant
		return c, nil
	}
	return c, err
}

func (f segmentFlags) run(cmd *cobra.Command, args []string) error {
	c, err := optionalConfig(cmd, f.config)
	if err != nil {
		return err
	}
	files, err := expandPictures(args)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return err
	}
	p, closeModel, err := openPipeline(cmd.Context(), c)
	if err != nil {
		return err
	}
	reports := f.all(cmd, c, p, files)
	return errors.Join(closeModel(), printSegmented(cmd, reports, f.json))
}

func (f segmentFlags) all(cmd *cobra.Command, c configs.Config, p *segment.Pipeline, files []string) []segmented {
	bar := newProgress(cmd.ErrOrStderr(), len(files), "segmenting")
	reports, names := make([]segmented, 0, len(files)), map[string]int{}
	for _, path := range files {
		if cmd.Context().Err() != nil {
			break
		}
		base := filepath.Join(f.out, uniqueName(names, path))
		r, err := f.one(cmd.Context(), c, p, path, base)
		if err != nil {
			r.Error = err.Error()
		}
		reports = append(reports, r)
		_ = bar.Add(1) // cosmetic
	}
	return reports
}

func (f segmentFlags) one(ctx context.Context, c configs.Config, p *segment.Pipeline, path, base string) (segmented, error) {
	if isPicture(path) {
		return segmentPicture(ctx, p, path, base, f.polarity, f.png)
	}
	return segmentFile(ctx, c, p, path, base, f.png)
}

// uniqueName is the file's name without extension, numbered when two folders
// hold the same.
func uniqueName(seen map[string]int, path string) string {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	seen[name]++
	if n := seen[name]; n > 1 {
		return fmt.Sprintf("%s-%d", name, n)
	}
	return name
}

// segmented is what was found in one image; fractions are of the exposed field.
type segmented struct {
	File         string  `json:"file"`
	SEG          string  `json:"seg,omitempty"`
	Labels       string  `json:"labels,omitempty"`
	Polarity     string  `json:"polarity,omitempty"` // of a picture
	Overlay      string  `json:"overlay,omitempty"`
	Rows         int     `json:"rows,omitempty"`
	Columns      int     `json:"columns,omitempty"`
	Exposed      float64 `json:"exposed"`
	OpenBeam     float64 `json:"open_beam"`
	SoftTissue   float64 `json:"soft_tissue"`
	Bone         float64 `json:"bone"`
	HighSoft     float64 `json:"high_precision_soft_tissue"`
	Dark         string  `json:"dark_correction,omitempty"`
	Offset       float64 `json:"dark_offset"`
	Milliseconds float64 `json:"milliseconds"`
	Error        string  `json:"error,omitempty"`
}

func newSegmented(file string, res *segment.Result) segmented {
	return segmented{
		File: file, Rows: res.Rows, Columns: res.Columns, Exposed: res.FieldRecord.Fraction,
		OpenBeam: res.Open.Fraction, SoftTissue: res.Soft.Fraction, Bone: res.Bone.Fraction,
		HighSoft: res.HighPrecisionSoft.Fraction, Dark: darkInWords(res.Dark), Offset: res.Dark.Offset,
	}
}

// modified dates an offline segmentation: the same file gives the same object.
func modified(path string) (time.Time, error) {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

func darkInWords(d dark.Record) string {
	if d.Offset == 0 {
		return d.Method
	}
	return fmt.Sprintf("%s, mean offset %.0f", d.Method, d.Offset)
}

// segmentFile segments one file into base.seg.dcm and base.png.
func segmentFile(ctx context.Context, c configs.Config, p *segment.Pipeline, path, base string, overlay bool) (segmented, error) {
	begun := time.Now()
	img, err := decode.ReadFile(path)
	if err != nil {
		return segmented{File: path}, err
	}
	if img.Received, err = modified(path); err != nil {
		return segmented{File: path}, err
	}
	res, err := p.Run(ctx, img)
	if err != nil {
		return segmented{File: path}, err
	}
	r := newSegmented(path, res)
	r.SEG = base + ".seg.dcm"
	if err := writeSEGFile(r.SEG, c, img, res); err != nil {
		return r, err
	}
	r.Milliseconds = float64(time.Since(begun).Microseconds()) / 1000
	if overlay {
		r.Overlay = base + ".png"
		return r, writeOverlay(r.Overlay, img, res)
	}
	return r, nil
}

func writeSEGFile(path string, c configs.Config, img *decode.Image, res *segment.Result) error {
	s, err := seg.New(img, res, segOptions(c))
	if err != nil {
		return err
	}
	return durable.Replace(path, 0o644, func(w io.Writer) error {
		if err := writeSEGMeta(w, s.UID()); err != nil {
			return err
		}
		return s.Encode(w)
	})
}

// writeSEGMeta writes what precedes a segmentation's data set in a file (PS3.10 7.1).
func writeSEGMeta(w io.Writer, sopInstanceUID string) error {
	return part10.WriteMeta(w, part10.Meta{
		SOPClassUID: uid.SegmentationStorage, SOPInstanceUID: sopInstanceUID, TransferSyntaxUID: uid.ExplicitVRLittleEndian,
		ImplementationClassUID: uid.Implementation, ImplementationVersionName: uid.ImplementationVersionName,
	})
}

func writeOverlay(path string, img *decode.Image, res *segment.Result) error {
	return durable.Replace(path, 0o644, func(w io.Writer) error { return png.Encode(w, segment.Overlay(img, res)) })
}

func printSegmented(cmd *cobra.Command, reports []segmented, asJSON bool) error {
	failed := 0
	for _, r := range reports {
		if r.Error != "" {
			failed++
		}
	}
	var err error
	if asJSON {
		err = printJSON(cmd.OutOrStdout(), reports)
	} else {
		err = printTable(cmd.OutOrStdout(), reports)
	}
	if failed > 0 {
		err = errors.Join(err, fmt.Errorf("segment: %d of %d images were not segmented", failed, len(reports)))
	}
	return err
}

func printTable(out io.Writer, reports []segmented) error {
	dark := slices.ContainsFunc(reports, func(r segmented) bool { return r.Dark != "" })
	polarity := slices.ContainsFunc(reports, func(r segmented) bool { return r.Polarity != "" })
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "IMAGE\tSIZE\tEXPOSED\tOPEN BEAM\tSOFT TISSUE\tBONE\tHIGH-PRECISION SOFT")
	if dark {
		fmt.Fprint(w, "\tDARK CORRECTION")
	}
	if polarity {
		fmt.Fprint(w, "\tPOLARITY")
	}
	fmt.Fprintln(w)
	for _, r := range reports {
		if r.Error != "" {
			fmt.Fprintf(w, "%s\t%s\n", filepath.Base(r.File), r.Error)
			continue
		}
		fmt.Fprintf(w, "%s\t%d×%d\t%.1f %%\t%.1f %%\t%.1f %%\t%.1f %%\t%.1f %%", filepath.Base(r.File),
			r.Rows, r.Columns, 100*r.Exposed, 100*r.OpenBeam, 100*r.SoftTissue, 100*r.Bone, 100*r.HighSoft)
		if dark {
			fmt.Fprintf(w, "\t%s", r.Dark)
		}
		if polarity {
			fmt.Fprintf(w, "\t%s", r.Polarity)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}
