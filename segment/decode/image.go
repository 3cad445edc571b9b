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

// ErrUnsupported says that an object is well-formed but its pixels cannot be read here (colour,
// more than 16 bits, or a transfer syntax without a codec). A retry cannot succeed.
var ErrUnsupported = errors.New("unsupported image")

// ErrMalformed says that an object contradicts itself or the standard. A retry cannot succeed.
var ErrMalformed = errors.New("malformed image")

// Image is a decoded radiograph.
type Image struct {
	// Dataset is the source data set up to Pixel Data (7FE0,0010), as rewritten by package
	// part10: without private attributes.
	Dataset dicom.Dataset
	// AsIs says that text in Dataset is in its Specific Character Set, which could not be
	// decoded, and not in UTF-8.
	AsIs bool

	SOPClassUID, SOPInstanceUID string
	TransferSyntaxUID           string // as stored, before decoding

	Rows, Columns   int
	SamplesPerPixel int    // as stored: 1, or 3 equal ones
	Frames          int    // Number of Frames (0028,0008), 1 if absent
	Frame           int    // the frame in Samples, from 1
	FrameReason     string // why this frame was chosen, in words; "" for a single frame

	BitsAllocated, BitsStored, HighBit int
	Signed                             bool // Pixel Representation (0028,0103) = 1

	// Samples are the stored values of one frame, Rows×Columns, row by row: masked to Bits
	// Stored, sign extended, exact in float32, before the Modality LUT.
	Samples []float32

	// Unused says that bits are set that are not stored, such as those of an old overlay (PS3.5
	// 8.1.2), or the sign of a value of more bits.
	Unused bool

	// Decoder is a codec's warning about an intact codestream, "" if there is none.
	Decoder string

	// Forgiven lists the faults of the file that were accepted.
	Forgiven part10.Forgiven

	in     packing // how values are stored in the file; with a palette these are indices
	frames *frames // nil for a single frame

	// Received is when the node received the object, zero if unknown; the caller sets it.
	Received time.Time
}

// packing describes how values are stored (PS3.5 8.1.1).
type packing struct {
	allocated, stored, high int // bits
	signed                  bool
}

// Source returns the data set as the source of derived objects.
func (m *Image) Source() iod.Source {
	if m.AsIs {
		return iod.NewSourceAsIs(m.Dataset)
	}
	return iod.NewSource(m.Dataset)
}

// Identity returns an error that names the first missing attribute of those that derived
// objects need: the UIDs of study, series, SOP class and instance.
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

// FromPicture returns an image, for a pipeline, of a picture without DICOM attributes. pix
// contains rows×cols values, row by row in arbitrary units. airDark says that open beam is
// dark, as in displayed radiographs (bones white). The image cannot be the source of a
// segmentation object.
func FromPicture(pix []float32, rows, cols int, airDark bool) *Image {
	photometric := "MONOCHROME1"
	if airDark {
		photometric = "MONOCHROME2"
	}
	e, err := dicom.NewElement(tag.PhotometricInterpretation, []string{photometric})
	if err != nil {
		panic(err) // cannot happen: a constant of the right type
	}
	return &Image{
		Dataset: dicom.Dataset{Elements: []*dicom.Element{e}},
		Rows:    rows, Columns: cols, SamplesPerPixel: 1, Frames: 1, Frame: 1, Samples: pix,
	}
}
