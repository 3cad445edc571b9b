package decode

import (
	"errors"
	"fmt"
	"time"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// ErrUnsupported is a well-formed object whose pixels this package does not read
// (colour, more than 16 bits, a transfer syntax without a codec). It never goes away by retrying.
var ErrUnsupported = errors.New("unsupported image")

// ErrMalformed is an object whose bytes contradict themselves or the standard.
// It never goes away by retrying.
var ErrMalformed = errors.New("malformed image")

// Image is one decoded radiograph.
type Image struct {
	// Dataset is the source data set as far as Pixel Data (7FE0,0010), as package part10
	// writes it anew: without private attributes.
	Dataset dicom.Dataset
	// AsIs says that text in Dataset is in its Specific Character Set, which nothing
	// decodes, instead of UTF-8.
	AsIs bool

	SOPClassUID, SOPInstanceUID string
	TransferSyntaxUID           string // as stored, before decoding

	Rows, Columns   int
	SamplesPerPixel int    // as stored: 1, or 3 equal ones
	Frames          int    // Number of Frames (0028,0008), 1 when absent
	Frame           int    // which of them Samples holds, from 1
	FrameReason     string // why that, in words; "" of a single frame

	BitsAllocated, BitsStored, HighBit int
	Signed                             bool // Pixel Representation (0028,0103) = 1

	// Samples are the stored values of one frame, Rows×Columns row by row: masked to
	// Bits Stored, sign extended, exact in float32, before the Modality LUT.
	Samples []float32

	// Decoder is what a codec found odd in an intact codestream, "" when nothing.
	Decoder string

	// Forgiven is what was wrong with the file and did not keep it from being read.
	Forgiven part10.Forgiven

	in     packing // how values lie in the file; of a palette these are indices
	frames *frames // the others; nil of a single frame

	// Received is when the node got the object, zero when unknown; set by the caller.
	Received time.Time
}

// packing is how values are stored (PS3.5 8.1.1).
type packing struct {
	allocated, stored, high int // bits
	signed                  bool
}

// Source is the data set, for objects that are derived from the image.
func (m *Image) Source() iod.Source {
	if m.AsIs {
		return iod.NewSourceAsIs(m.Dataset)
	}
	return iod.NewSource(m.Dataset)
}

// Identity is an error that names the first attribute without which no object that is
// derived from the image could be filed: the UIDs of its study, series, class and instance.
func (m *Image) Identity() error {
	s := m.Source()
	for _, t := range []tag.Tag{tag.StudyInstanceUID, tag.SeriesInstanceUID, tag.SOPClassUID, tag.SOPInstanceUID} {
		name := part10.Tag(uint32(t.Group)<<16 | uint32(t.Element))
		switch v := s.String(t); {
		case v == "":
			return fmt.Errorf("%w: no %v", ErrMalformed, name)
		case !uid.Valid(v):
			return fmt.Errorf("%w: %v is not a UID", ErrMalformed, name)
		}
	}
	return nil
}

// FromPicture makes an image of a picture that says nothing of itself, for a pipeline:
// pix holds rows×cols values row by row in arbitrary units, with the open beam dark, as
// radiographs are displayed (bones white), or bright. It has no source for a segmentation object.
func FromPicture(pix []float32, rows, cols int, airDark bool) *Image {
	photometric := "MONOCHROME1"
	if airDark {
		photometric = "MONOCHROME2"
	}
	e, err := dicom.NewElement(tag.PhotometricInterpretation, []string{photometric})
	if err != nil {
		panic(err) // a constant of the right type
	}
	return &Image{
		Dataset: dicom.Dataset{Elements: []*dicom.Element{e}},
		Rows:    rows, Columns: cols, SamplesPerPixel: 1, Frames: 1, Frame: 1, Samples: pix,
	}
}
