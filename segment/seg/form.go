package seg

import (
	"fmt"
	"io"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/raster"
	"dicomnode/internal/uid"
	"dicomnode/segment/picture"
)

// Form is the Segmentation Type (0062,0001): how the pixels of the segments are
// stored (PS3.3 C.8.20.2.3).
type Form string

// The forms.
const (
	// Binary has a frame of single bits for each segment, also for one that
	// overlaps another.
	Binary Form = "BINARY"
	// Fractional has a frame for each class with the network's probability,
	// 0 to 255 for 0 to 1.
	Fractional Form = "FRACTIONAL"
	// Labelmap has one frame whose values are segment numbers. It cannot hold
	// the soft tissue of high precision, which overlaps soft tissue.
	Labelmap Form = "LABELMAP"
)

// LabelmapSOPClassUID is Label Map Segmentation Storage (PS3.4 B.5).
const LabelmapSOPClassUID = uid.LabelMapSegmentationStorage

// formKind is what differs between the forms.
type formKind struct {
	form         Form
	class        string // SOP class
	seriesNumber int    // high, so that viewers list the series after the images
	bits         int    // allocated and stored
	segments     int    // so many of segmentTable
	frames       int
	overlap      string // Segments Overlap (0062,0013)
	description  string // Content Description (0070,0081)

	dimension, group tag.Tag // Dimension Index and Functional Group Pointer
	dimensionLabel   string

	attributes func(*iod.DataSet, *SEG) // of the Segmentation Image module that only this form has
	pixels     func(*SEG) (size int64, write func(io.Writer) error)
}

var forms = map[Form]formKind{
	Binary: {
		form: Binary, class: SOPClassUID, seriesNumber: 9001, bits: 1, segments: 4, frames: 4, overlap: "YES",
		description: "Open beam, soft tissue, bone (not for diagnostic use)",
		dimension:   tag.ReferencedSegmentNumber, group: tag.SegmentIdentificationSequence, dimensionLabel: "Segment Number",
		attributes: func(*iod.DataSet, *SEG) {},
		pixels:     (*SEG).binaryPixels,
	},
	Fractional: {
		form: Fractional, class: SOPClassUID, seriesNumber: 9002, bits: 8, segments: 3, frames: 3, overlap: "UNDEFINED",
		description: "Model probabilities, 255 is 1 (not for diagnostic use)",
		dimension:   tag.ReferencedSegmentNumber, group: tag.SegmentIdentificationSequence, dimensionLabel: "Segment Number",
		attributes: func(d *iod.DataSet, _ *SEG) {
			d.Strings(tag.SegmentationFractionalType, "PROBABILITY")
			d.Ints(tag.MaximumFractionalValue, maxFractional)
		},
		pixels: (*SEG).fractionalPixels,
	},
	Labelmap: {
		form: Labelmap, class: LabelmapSOPClassUID, seriesNumber: 9003, bits: 8, segments: 3, frames: 1, overlap: "NO",
		description: "Open beam, soft tissue, bone (not for diagnostic use)",
		dimension:   tag.FrameLabel, group: tag.FrameContentSequence, dimensionLabel: "Frame Label",
		attributes: func(d *iod.DataSet, s *SEG) {
			if s.hasBackground() {
				d.Ints(tag.PixelPaddingValue, 0)
			}
		},
		pixels: (*SEG).labelmapPixels,
	},
}

// kind is the line of the table.
func (f Form) kind() (formKind, error) {
	if f == "" {
		f = Binary
	}
	k, known := forms[f]
	if !known {
		return formKind{}, fmt.Errorf("unknown form %q: want %s, %s or %s", f, Binary, Fractional, Labelmap)
	}
	return k, nil
}

func (s *SEG) binaryPixels() (int64, func(io.Writer) error) {
	masks := s.masks()
	return PackedSize(len(masks), s.res.Rows*s.res.Columns), func(w io.Writer) error { return PackMasks(w, masks) }
}

// maxFractional is Maximum Fractional Value (0062,000E).
const maxFractional = 255

// fractionalPixels writes a byte for each pixel and class; outside the exposed
// field every probability is 0.
func (s *SEG) fractionalPixels() (int64, func(io.Writer) error) {
	size := int64(picture.Classes) * int64(s.res.Rows) * int64(s.res.Columns)
	return size + size%2, func(w io.Writer) error {
		for class := range picture.Classes {
			if err := s.probabilities(w, class); err != nil {
				return err
			}
		}
		return pad(w, size)
	}
}

// probabilityRows are interpolated at the same time.
const probabilityRows = 64

// probabilities writes one frame.
func (s *SEG) probabilities(w io.Writer, class int) error {
	cols := s.res.Columns
	buffer, values := make([]byte, probabilityRows*cols), make([]float32, probabilityRows*cols)
	for first := 0; first < s.res.Rows; first += probabilityRows {
		n := min(probabilityRows, s.res.Rows-first)
		raster.Parallel(n, func(r int) {
			row := values[r*cols:][:cols]
			s.res.Probabilities.ClassRow(first+r, class, row)
			fractions(buffer[r*cols:][:cols], row, s.res.Field[(first+r)*cols:][:cols])
		})
		if _, err := w.Write(buffer[:n*cols]); err != nil {
			return err
		}
	}
	return nil
}

// fractions scales the probabilities of a row; outside the field they are 0.
func fractions(line []byte, row []float32, field []bool) {
	for k, p := range row {
		line[k] = 0
		if field[k] {
			line[k] = uint8(min(max(float64(p), 0), 1)*maxFractional + 0.5)
		}
	}
}

// labelmapPixels writes the segment number of each pixel, 0 outside the exposed
// field.
func (s *SEG) labelmapPixels() (int64, func(io.Writer) error) {
	size := int64(s.res.Rows) * int64(s.res.Columns)
	return size + size%2, func(w io.Writer) error {
		line := make([]byte, s.res.Columns)
		for r := range s.res.Rows {
			s.labels(line, r*s.res.Columns)
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		return pad(w, size)
	}
}

// labels fills line with the segment numbers of the pixels from start.
func (s *SEG) labels(line []byte, start int) {
	clear(line)
	for number, mask := range s.masks()[:s.form.segments] {
		for k, in := range mask[start : start+len(line)] {
			if in {
				line[k] = byte(number + 1)
			}
		}
	}
}

// pad makes a value of size bytes even (PS3.5 8.2).
func pad(w io.Writer, size int64) error {
	if size%2 == 0 {
		return nil
	}
	_, err := w.Write([]byte{0})
	return err
}
