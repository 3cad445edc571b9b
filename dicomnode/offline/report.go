package offline

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"dicomnode/segment"
	"dicomnode/segment/dark"
)

// Report is the result of one image; fractions are of the exposed field.
type Report struct {
	File         string   `json:"file"`
	SEG          string   `json:"seg,omitempty"`
	Outputs      []string `json:"outputs,omitempty"` // further objects
	Labels       string   `json:"labels,omitempty"`
	Polarity     string   `json:"polarity,omitempty"` // of a picture
	Overlay      string   `json:"overlay,omitempty"`
	Rows         int      `json:"rows,omitempty"`
	Columns      int      `json:"columns,omitempty"`
	Exposed      float64  `json:"exposed"`
	OpenBeam     float64  `json:"open_beam"`
	SoftTissue   float64  `json:"soft_tissue"`
	Bone         float64  `json:"bone"`
	HighSoft     float64  `json:"high_precision_soft_tissue"`
	Dark         string   `json:"dark_correction,omitempty"`
	Offset       float64  `json:"dark_offset"`
	Frame        int      `json:"frame,omitempty"` // of a multi-frame image, from 1
	Quality      float64  `json:"quality"`         // how far it is to be trusted, 0 to 1
	Model        string   `json:"model,omitempty"` // name and version of the one that was used
	Milliseconds float64  `json:"milliseconds"`
	Faults       string   `json:"faults,omitempty"` // tolerated encoding errors of the file
	Warnings     []string `json:"warnings,omitempty"`
	Error        string   `json:"error,omitempty"`

	NoQuality bool `json:"-"` // the report is of masks alone, which do not tell the quality
}

func newReport(file string, res *segment.Result) Report {
	r := Report{
		File: file, Warnings: res.Warnings(), Rows: res.Rows, Columns: res.Columns, Exposed: res.FieldRecord.Fraction,
		OpenBeam: res.Open.Fraction, SoftTissue: res.Soft.Fraction, Bone: res.Bone.Fraction,
		HighSoft: res.HighPrecisionSoft.Fraction, Quality: res.Quality.Figure, Dark: darkInWords(res.Dark), Offset: res.Dark.Offset,
		Model: strings.TrimSpace(res.Model.Name + " " + res.Model.Version),
	}
	if res.Frames > 1 {
		r.Frame = res.Frame
	}
	return r
}

func darkInWords(d dark.Record) string {
	if d.Offset == 0 {
		return d.Method
	}
	return fmt.Sprintf("%s, mean offset %.0f", d.Method, d.Offset)
}

// Failed is the error of a run in which images were not segmented, nil if all were.
func Failed(reports []Report) error {
	failed := 0
	for _, r := range reports {
		if r.Error != "" {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("segment: %d of %d images were not segmented", failed, len(reports))
}

// WriteTable prints reports as a table.
func WriteTable(out io.Writer, reports []Report) error {
	dark := slices.ContainsFunc(reports, func(r Report) bool { return r.Dark != "" })
	polarity := slices.ContainsFunc(reports, func(r Report) bool { return r.Polarity != "" })
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "IMAGE\tSIZE\tEXPOSED\tOPEN BEAM\tSOFT TISSUE\tBONE\tHIGH-PRECISION SOFT")
	quality := slices.ContainsFunc(reports, func(r Report) bool { return r.Error == "" && !r.NoQuality })
	if quality {
		fmt.Fprint(w, "\tQUALITY")
	}
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
		if quality {
			fmt.Fprintf(w, "\t%.2f", r.Quality)
		}
		if dark {
			fmt.Fprintf(w, "\t%s", r.Dark)
		}
		if polarity {
			fmt.Fprintf(w, "\t%s", r.Polarity)
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range reports {
		if r.Faults != "" {
			fmt.Fprintf(out, "%s: %s\n", filepath.Base(r.File), r.Faults)
		}
		for _, w := range r.Warnings {
			fmt.Fprintf(out, "%s: %s\n", filepath.Base(r.File), w)
		}
	}
	return nil
}
