// Package export makes de-identified training sets of radiographs: DICOM objects, 16-bit
// pictures, the trainer's data set folder, and the layouts of nnU-Net v2 and MONAI, with a
// manifest that says how each file was made.
//
// Objects come from a [Source]. Package deidentify removes what identifies a patient. The leak
// check searches every byte before it is written. Pictures that may have burned-in text wait
// until a person has reviewed them (package review). Unfinished files are kept in a work folder
// beside the set; only complete and checked files are moved into the set. A set can be
// extended, and patients can be removed from it. The other files of the set do not change.
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

// Format is a file format or layout of a set.
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

// Formats lists all formats.
var Formats = []Format{DICOM, PNG, TIFF, Dataset, NNUNet, MONAI}

// Pixels says which values pictures contain.
type Pixels string

// The kinds of values. None is rescaled by the content of the image.
const (
	Stored    Pixels = "stored"    // as the object stores them
	Corrected Pixels = "corrected" // the detector's dark signal is subtracted
	Canonical Pixels = "canonical" // open beam bright; a raw linear signal as its logarithm
)

// Labels says which labels are exported.
type Labels string

// The kinds of labels.
const (
	Draft   Labels = "draft"   // the node's masks: 0, 1, 2 and 255
	Colours Labels = "colours" // the same as pictures in three colours, for correction in a paint program
	None    Labels = "none"
)

// Policy says how burned-in text is handled.
type Policy string

// The policies.
const (
	Quarantine Policy = "quarantine" // a person must review the picture
	Blank      Policy = "blank"      // the boxes of text are filled with their surroundings; unsure pictures are reviewed
	KeepText   Policy = "keep"
)

// Options configure an export.
type Options struct {
	Out        string // the folder of the set
	Work       string // folder of unfinished files; "": Out with the suffix ".work"
	Source     Source
	Filter     Filter
	Project    string // name of the set's origin; pseudonyms do not depend on it
	Deidentify deidentify.Options
	Formats    []Format
	Pixels     Pixels
	Labels     Labels
	BurnedIn   Policy
	// ReviewAll requires a review of every picture, not only of those with findings.
	ReviewAll bool
	// Pipeline makes the pictures and, if it has a Predictor, the draft labels.
	Pipeline *segment.Pipeline
	Codecs   decode.Codec // decodes compressed pixels; nil for none
	Workers  int          // number of objects in parallel; 0: one per CPU
	DryRun   bool
	// Reidentify, which may be nil, is called with the identity of each object, in the order of
	// their IDs.
	Reidentify func(Identity) error
	// Progress, which may be nil, is never called concurrently.
	Progress func(done, total int)
}

// Identity is the patient and object behind a pseudonym. It must stay with the holder of the
// key.
type Identity struct {
	ID, Patient, PatientID, Issuer, Name                      string
	Study, OldStudy, Series, OldSeries, Instance, OldInstance string
}

// ErrLeak says that values of an original were found in the output.
var ErrLeak = errors.New("values of the originals are in the output")

// ErrOtherKey says that the set was made with another key or for another project.
var ErrOtherKey = errors.New("the set was made with another key or for another project")

// ErrPending says that pictures of the set wait for review.
var ErrPending = errors.New("pictures wait for review")

// Report is the result of an export.
type Report struct {
	Images   int `json:"images"`  // of this run
	Objects  int `json:"objects"` // segmentations and reports
	Kept     int `json:"kept"`    // exported earlier
	Patients int `json:"patients"`
	Pending  int `json:"pending"`
	Rejected int `json:"rejected"`
	// Refused counts objects by reason. Filtered counts objects that the filter excluded.
	Refused  map[string]int `json:"refused"`
	Filtered int            `json:"filtered"`
	Notes    []string       `json:"notes,omitempty"`
	Hits     []leak.Hit     `json:"hits,omitempty"`
	Bytes    int64          `json:"bytes"`
	Took     time.Duration  `json:"took"`
}

// check checks the options and sets defaults.
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
	if o.Labels == Colours && (slices.Contains(o.Formats, Dataset) || slices.Contains(o.Formats, MONAI)) {
		return errors.New("the formats dataset and monai need draft labels, not colours")
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

// Run exports a set. After an interruption, or to add objects to a set, it can be run again:
// finished files are kept. If pictures wait for review it returns ErrPending after everything
// else is done.
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

// all runs the whole export, from the source to the finished set.
func (e *run) all(ctx context.Context) (err error) {
	if e.before, err = readProject(e.Out); err != nil {
		return err
	}
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
