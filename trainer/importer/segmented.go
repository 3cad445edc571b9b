package importer

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/codec"
	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/seg"
	"dicomnode/trainer/dataset"
)

// Segmented imports radiographs with their DICOM Segmentations.
type Segmented struct {
	Inputs   []string // files, and folders that are searched; images and segmentations mixed
	Out      string
	Key      Key              // of the pseudonyms
	Classes  map[string]uint8 // class by Segment Label or Segment Number, before codes and words
	Rest     uint8            // class of pixels in no segment: Ignore, or OpenBeam
	BurnedIn bool             // accept images with Burned In Annotation YES
	Workers  int              // 0: one per CPU

	// Pipeline makes the pictures; its Calibration is used, its Predictor is not.
	Pipeline segment.Pipeline

	// Codecs decodes compressed pixels; nil for none.
	Codecs decode.Codec
}

// Run imports. Images are stored as the network is shown them, open beam bright.
// progress, which may be nil, is called after each segmentation, never concurrently.
// The error is [ErrProblems] where the result's problems tell why nothing was written.
func (s Segmented) Run(ctx context.Context, progress func(done, total int)) (*Result, error) {
	r := &report{}
	images, segmentations, err := s.find(r)
	if err != nil {
		return nil, err
	}
	c := collection{Segmented: s, report: r, images: images, taken: map[string]string{}}
	err = stage(s.Out, r, []string{dataset.PatientColumn, dataset.SpacingColumn}, func(w *dataset.Writer) error {
		return each(ctx, len(segmentations), s.Workers, progress, func(i int) error { return c.add(ctx, w, segmentations[i]) })
	})
	if err == nil {
		r.result.Images = len(segmentations)
	}
	if c.automatic > 0 {
		r.note(fmt.Sprintf("%d segmentations", c.automatic), "were made by a program; a model trained on them learns its mistakes: correct them first", "")
	}
	return r.finish(), err
}

// find sorts the inputs into images by SOP Instance UID and segmentations.
func (s Segmented) find(r *report) (images map[string]string, segmentations []string, err error) {
	images = map[string]string{}
	for _, in := range s.Inputs {
		err := filepath.WalkDir(in, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			h, err := header(path)
			switch {
			case err != nil && path == in:
				r.problem(path, err.Error(), "name DICOM files, or folders that hold them")
			case err != nil: // another file of a folder
			case h.SOPClassUID == seg.SOPClassUID:
				segmentations = append(segmentations, path)
			default:
				images[h.SOPInstanceUID] = path
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	slices.Sort(segmentations)
	segmentations = slices.Compact(segmentations)
	if len(segmentations) == 0 && len(r.result.Problems) == 0 {
		return nil, nil, fmt.Errorf("%w in %s", ErrNoSegmentation, strings.Join(s.Inputs, ", "))
	}
	return images, segmentations, nil
}

func header(path string) (part10.Header, error) {
	file, err := os.Open(path)
	if err != nil {
		return part10.Header{}, err
	}
	defer file.Close()
	return part10.ReadHeader(file)
}

// collection is an import under way.
type collection struct {
	Segmented
	*report
	images map[string]string

	mu        sync.Mutex
	taken     map[string]string // segmentation by image
	automatic int
}

// add imports one segmentation; what is wrong with it is reported, an error is one
// of writing.
func (c *collection) add(ctx context.Context, w *dataset.Writer, path string) error {
	s, err := readSegmentation(path)
	if err != nil {
		c.problem(path, err.Error(), hintOf(err))
		return nil
	}
	label, overlaps, unknown := s.label(c.Classes, c.Rest)
	for _, d := range unknown {
		c.problem(path, fmt.Sprintf("segment %d %q (%s, %s) is of no known class", d.Number, d.Label, clean(d.Kind.Value), clean(d.Kind.Scheme)),
			fmt.Sprintf("say what it is, such as --class %q or %q", d.Label+"=bone", d.Label+"=ignore"))
	}
	if overlaps > 0 {
		c.note(path, fmt.Sprintf("%d pixels are in segments of two classes: bone was taken before soft tissue before open beam", overlaps), "")
	}
	img, ok := c.image(ctx, path, s)
	if !ok || len(unknown) > 0 {
		return nil
	}
	pix, _, _, err := c.Pipeline.Picture(img)
	if err != nil {
		c.problem(path, err.Error(), "")
		return nil
	}
	if program := s.automatic(); program != "" {
		c.mu.Lock()
		c.automatic++
		c.mu.Unlock()
	}
	return w.Add(c.item(img, s), picture(pix, s.Columns), &image.Gray{Pix: label, Stride: s.Columns, Rect: image.Rect(0, 0, s.Columns, s.Rows)})
}

// image reads the image a segmentation was made from.
func (c *collection) image(ctx context.Context, path string, s *segmentation) (*decode.Image, bool) {
	if len(s.Sources) != 1 {
		c.problem(path, fmt.Sprintf("was made from %d images", len(s.Sources)), "only segmentations of one radiograph are imported")
		return nil, false
	}
	source, ok := c.images[s.Sources[0]]
	if !ok {
		c.problem(path, "its image is not there", "name the image's file or folder as well; its SOP Instance UID is in Referenced Series Sequence (0008,1115)")
		return nil, false
	}
	if other, first := c.take(source, path); !first {
		c.problem(path, fmt.Sprintf("its image has the segmentation %s already", other), "leave one of the two out")
		return nil, false
	}
	img, err := decode.ReadFile(ctx, source, c.Codecs)
	if err != nil {
		c.problem(source, err.Error(), hintOf(err))
		return nil, false
	}
	return img, c.suits(source, img, s)
}

// take gives an image to a segmentation, the first one.
func (c *collection) take(source, path string) (other string, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if other, ok := c.taken[source]; ok {
		return other, false
	}
	c.taken[source] = path
	return "", true
}

func (c *collection) suits(source string, img *decode.Image, s *segmentation) bool {
	switch {
	case img.Rows != s.Rows || img.Columns != s.Columns:
		c.problem(source, fmt.Sprintf("has %d rows and %d columns, its segmentation %d and %d", img.Rows, img.Columns, s.Rows, s.Columns), "")
	case img.Frames > 1:
		c.problem(source, fmt.Sprintf("has %d frames", img.Frames), "only single radiographs are imported")
	case !c.BurnedIn && img.Source().String(tag.BurnedInAnnotation) == "YES":
		c.problem(source, "says that names are burned into its pixels (0028,0301)", "blank them first, or --burned-in after you looked at it")
	default:
		return true
	}
	return false
}

// item is the image's row; nothing in it names a patient.
func (c *collection) item(img *decode.Image, s *segmentation) dataset.Item {
	d := img.Source()
	patient := ""
	if id := d.String(tag.PatientID); id != "" {
		patient = c.Key.pseudonym("patient", d.String(tag.IssuerOfPatientID)+"\x00"+id)
	}
	source := "DICOM SEG"
	if program := s.automatic(); program != "" {
		source += ", automatic: " + clean(program)
	}
	return dataset.Item{
		ID: "x" + c.Key.pseudonym("image", img.SOPInstanceUID), BodyPart: strings.ToLower(clean(img.BodyPart())),
		Polarity: dataset.AirBright, Source: source, Extra: []string{patient, millimetres(d)},
	}
}

// clean keeps 64 printable characters of a text from outside.
func clean(text string) string {
	r := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text))
	return string(r[:min(len(r), 64)])
}

// millimetres per pixel, "" where unknown or different along rows and columns.
func millimetres(d iod.Source) string {
	s, ok := iod.PixelSpacing(d)
	if !ok || math.Abs(s.Row-s.Column) > 1e-3*s.Row {
		return ""
	}
	return strconv.FormatFloat((s.Row+s.Column)/2, 'g', 6, 64)
}

// picture stretches pix over 16 bits.
func picture(pix []float32, cols int) *image.Gray16 {
	m := image.NewGray16(image.Rect(0, 0, cols, len(pix)/cols))
	low, high := slices.Min(pix), slices.Max(pix)
	scale := math.MaxUint16 / max(float64(high-low), 1e-6)
	for i, v := range pix {
		m.SetGray16(i%cols, i/cols, color.Gray16{Y: uint16(math.Round(min(float64(v-low)*scale, math.MaxUint16)))})
	}
	return m
}

// hintOf is the hint for an object that cannot be read.
func hintOf(err error) string {
	switch {
	case errors.Is(err, seg.ErrSyntax):
		return "convert it, for example with \"dcmconv +te\" of DCMTK"
	case errors.Is(err, codec.ErrMissing):
		return codec.Hint
	case errors.Is(err, decode.ErrUnsupported):
		return "images are read where they are grey and have 8 or 16 bits allocated, segmentations where they are BINARY"
	}
	return "the file is damaged, or its writer broke the standard"
}
