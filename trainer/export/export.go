// Package export makes de-identified training sets of radiographs: DICOM objects,
// 16-bit pictures, the trainer's data set folder, and the layouts of nnU-Net v2 and
// MONAI, with a manifest that says how each file was made.
//
// Objects come from a [Source]. Package deidentify takes out what identifies, the
// leak check goes over every byte before it is written, and pictures in which
// writing may be burned in wait for somebody to look at them (package review). What
// is not finished lies in a folder of its own beside the set; only whole and
// checked sets are moved into place. A set can be extended, and patients can be
// taken out of it again; what stays keeps its bytes.
package export

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/leak"
)

// Format is a layout of the files of a set.
type Format string

// The formats.
const (
	DICOM   Format = "dicom"   // Part 10 files, dicom/PATIENT/ID.dcm
	PNG     Format = "png"     // 16-bit grey, images/ID.png
	TIFF    Format = "tiff"    // 16-bit grey, tiff/ID.tiff
	Dataset Format = "dataset" // the trainer's folder: dataset.csv, images, labels
	NNUNet  Format = "nnunet"  // nnU-Net v2: nnunet/Dataset…
	MONAI   Format = "monai"   // monai.json over images and labels
)

// Formats are all of them.
var Formats = []Format{DICOM, PNG, TIFF, Dataset, NNUNet, MONAI}

// Pixels says which values pictures hold.
type Pixels string

// The kinds of values. None is rescaled by what the image holds.
const (
	Stored    Pixels = "stored"    // as the object stores them
	Corrected Pixels = "corrected" // the detector's dark signal taken off
	Canonical Pixels = "canonical" // open beam bright, the logarithm of a raw linear signal
)

// Labels says what stands where a label is wanted.
type Labels string

// The kinds of labels.
const (
	Draft   Labels = "draft"   // the node's masks: 0, 1, 2 and 255
	Colours Labels = "colours" // the same as pictures in three colours, to be corrected in a paint program
	None    Labels = "none"
)

// Policy says what is done about writing that is burned into the pixels.
type Policy string

// The policies.
const (
	Quarantine Policy = "quarantine" // somebody looks at it
	Blank      Policy = "blank"      // the boxes are filled with their surroundings
	KeepText   Policy = "keep"
)

// Options say what is exported and how.
type Options struct {
	Out        string // the folder of the set
	Work       string // what is not finished; "": Out with ".work" behind it
	Source     Source
	Filter     Filter
	Project    string // pseudonyms of the same key differ in nothing; it names the set's origin
	Deidentify deidentify.Options
	Formats    []Format
	Pixels     Pixels
	Labels     Labels
	BurnedIn   Policy
	// ReviewAll has every picture looked at, not only those with findings.
	ReviewAll bool
	// Pipeline makes the pictures and, where it has a Predictor, the draft labels.
	Pipeline *segment.Pipeline
	Codecs   decode.Codec // decodes compressed pixels; nil for none
	Workers  int          // objects at a time; 0: one per CPU
	DryRun   bool
	// Reidentify, which may be nil, is told who is who. It is called for each object
	// in the order of their IDs.
	Reidentify func(Identity) error
	// Progress, which may be nil, is never called concurrently.
	Progress func(done, total int)
}

// Identity says who is behind a pseudonym. It is for the holder of the key alone.
type Identity struct {
	ID, Patient, PatientID, Issuer, Name                      string
	Study, OldStudy, Series, OldSeries, Instance, OldInstance string
}

// ErrLeak is an export in which values of an original were found.
var ErrLeak = errors.New("values of the originals are in the output")

// ErrOtherKey is a set that was made with another key or for another project.
var ErrOtherKey = errors.New("the set was made with another key or for another project")

// ErrPending is a set that waits for its pictures to be looked at.
var ErrPending = errors.New("pictures wait for review")

// Report is what an export did.
type Report struct {
	Images   int `json:"images"`  // of this run
	Objects  int `json:"objects"` // segmentations and reports
	Kept     int `json:"kept"`    // had been exported before
	Patients int `json:"patients"`
	Pending  int `json:"pending"`
	Rejected int `json:"rejected"`
	// Refused counts objects by reason; Filtered are those that the filter left out.
	Refused  map[string]int `json:"refused"`
	Filtered int            `json:"filtered"`
	Notes    []string       `json:"notes,omitempty"`
	Hits     []leak.Hit     `json:"hits,omitempty"`
	Bytes    int64          `json:"bytes"`
	Took     time.Duration  `json:"took"`
}

// check completes the options.
func (o *Options) check() error {
	if o.Out == "" || o.Source == nil {
		return errors.New("an export needs a source and a folder to write")
	}
	if o.Work == "" {
		o.Work = filepath.Clean(o.Out) + ".work"
	}
	if len(o.Formats) == 0 {
		o.Formats = []Format{Dataset}
	}
	for _, f := range o.Formats {
		if !slices.Contains(Formats, f) {
			return fmt.Errorf("unknown format %q: want %s", f, names(Formats))
		}
	}
	o.Pixels, o.Labels, o.BurnedIn = or(o.Pixels, Stored), or(o.Labels, Draft), or(o.BurnedIn, Quarantine)
	if o.Pipeline == nil {
		o.Pipeline = &segment.Pipeline{}
	}
	if o.Labels != None && o.Pipeline.Predictor == nil {
		return errors.New("labels need a model: choose labels none, or name a model")
	}
	if o.Labels == None && (slices.Contains(o.Formats, NNUNet) || slices.Contains(o.Formats, MONAI)) {
		return errors.New("the formats nnunet and monai need labels")
	}
	return nil
}

func or[T ~string](v, otherwise T) T {
	if v == "" {
		return otherwise
	}
	return v
}

func names[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return strings.Join(out, ", ")
}

// Run exports. It can be run again after it was interrupted, or when there is more
// to export: what is finished stays as it is. The error is ErrPending where
// pictures wait for review; everything else is done then.
func Run(ctx context.Context, opt Options) (*Report, error) {
	begun := time.Now()
	if err := opt.check(); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	d, err := deidentify.New(opt.Deidentify)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	e := &run{Options: opt, deidentifier: d, report: Report{Refused: map[string]int{}}}
	err = e.all(ctx)
	e.report.Took = time.Since(begun)
	if err != nil {
		err = fmt.Errorf("export: %w", err)
	}
	return &e.report, err
}

// all is an export from the source to the finished set.
func (e *run) all(ctx context.Context) error {
	if err := e.plan(ctx); err != nil {
		return err
	}
	if e.DryRun {
		return nil
	}
	if err := e.open(); err != nil {
		return err
	}
	defer e.close()
	if err := e.objects(ctx); err != nil {
		return err
	}
	if len(e.report.Hits) > 0 {
		return errors.Join(ErrLeak, e.discard())
	}
	if e.report.Pending > 0 {
		return ErrPending
	}
	return e.finish()
}
