package segment

import (
	"context"
	"errors"
	"time"

	"github.com/suyashkumar/dicom"
)

// Class is a region the network tells apart, and its channel in Predictor's answer.
type Class uint8

// The classes, in the order of the network's output channels.
const (
	OpenBeam   Class = 0
	SoftTissue Class = 1
	Bone       Class = 2

	// Classes is their number.
	Classes = 3
	// Ignore marks a pixel that belongs to no class: unexposed border or padding.
	Ignore Class = 255
)

// ErrUnsupported is a well-formed object whose pixels this package does not read
// (a compressed transfer syntax, colour, more than 16 bits). It never goes away by retrying.
var ErrUnsupported = errors.New("unsupported image")

// ErrMalformed is an object whose bytes contradict themselves or the standard.
// It never goes away by retrying.
var ErrMalformed = errors.New("malformed image")

// Predictor is the network.
type Predictor interface {
	// Predict takes x, 1×1×200×200 float32 in [−1,1] (CanonicalPicture), and returns
	// 1×3×200×200 probabilities that sum to 1 over the classes: open beam, soft tissue
	// and bone, or, of Pipeline.Field, unexposed, open beam and attenuated. It is safe for concurrent use and does not keep x.
	Predict(ctx context.Context, x []float32) ([]float32, error)
}

// Model identifies the network that made a result; it is written into the SEG.
type Model struct {
	Name    string // "XNet-16"
	Version string
	Digest  string // SHA-256 of the bundle, hexadecimal
	Device  string // "CPU", "CUDA:0"
}

// Image is one decoded radiograph.
type Image struct {
	// Dataset is the whole source data set and file meta information, without the
	// Pixel Data (7FE0,0010) element and what follows it.
	Dataset dicom.Dataset

	SOPClassUID, SOPInstanceUID string
	TransferSyntaxUID           string // as stored, before decoding

	Rows, Columns   int
	SamplesPerPixel int // always 1
	Frames          int // Number of Frames (0028,0008), 1 when absent; Samples holds the first

	BitsAllocated, BitsStored, HighBit int
	Signed                             bool // Pixel Representation (0028,0103) = 1

	// Samples are the stored values of frame 1, Rows×Columns row by row: masked to
	// Bits Stored, sign extended, exact in float32, before the Modality LUT.
	Samples []float32

	// Received is when the node got the object, zero when unknown; set by the caller.
	Received time.Time
}

// Mask marks pixels of an image, Rows×Columns row by row.
type Mask []bool

// Count is the number of marked pixels.
func (m Mask) Count() int {
	n := 0
	for _, v := range m {
		if v {
			n++
		}
	}
	return n
}

// Masks are the regions of one image. Open, Soft and Bone do not overlap and together
// fill the exposed field; HighPrecisionSoft is a part of Soft.
type Masks struct {
	Open, Soft, Bone  Mask
	HighPrecisionSoft Mask
}

// Statistics describe one region.
type Statistics struct {
	Pixels          int
	Fraction        float64 // of the exposed field's pixels
	MeanProbability float64 // of the region's class within the region, 0 when it is empty
}

// FieldRecord says how the exposed field was found.
type FieldRecord struct {
	Method   string  // "none" (whole frame), "attributes", "network", "image", "network and image"
	Fraction float64 // exposed part of the frame
	Model    string  // SHA-256 of the network that was asked, "" without one
}

// Result is what Pipeline.Run found in one image.
type Result struct {
	Rows, Columns int
	Masks         Masks
	Field         Mask // the exposed field; outside it no mask is set

	Open, Soft, Bone, HighPrecisionSoft Statistics

	BodyPart            string  // Body Part Examined (0018,0015) as used to choose the threshold
	SoftTissueThreshold float64 // probability HighPrecisionSoft had to reach

	Dark         DarkRecord
	FieldRecord  FieldRecord
	Polarity     PolarityRecord
	Model        Model
	ConfigDigest string // Config.Digest
	Frame        int    // the frame that was segmented, 1
	Frames       int    // of so many

	// Guided is the filter that refined the borders, nil without one.
	Guided *GuidedFilter
	// Islands is the number of pixels that changed class because their island was too small.
	Islands int
}

// PolarityRecord says how stored values became the canonical picture (open beam bright).
type PolarityRecord struct {
	Case     string // the line of the polarity table, in words
	Inverted bool   // the stored values were turned over
	Log      bool   // the logarithm was taken (raw, linear detector signal)
}

// DarkRecord says what dark correction did.
type DarkRecord struct {
	Method    string  // "dark frames", "estimated" or "none"
	Reason    string  // why, in words
	Frames    int     // dark frames behind the correction
	Offset    float64 // mean offset subtracted, in stored values
	Gain      bool    // flood frames were used as well
	Corrected int     // defect pixels replaced
	Digest    string  // of the calibration used, "" without one
	Err       error   // why the detector's calibration could not be used; nil when it has none
}

// DetectorKey names what a calibration is valid for.
type DetectorKey struct {
	Detector      string // Detector ID (0018,700A), or Device Serial Number (0018,1000)
	Rows, Columns int
	Binning       string // Detector Binning (0018,701A), "" when absent
	Mode          string // Detector Mode (0018,7008) and Active Shape (0018,7024), "" when absent
}

// Calibration finds the dark signal of a detector.
type Calibration interface {
	// Lookup returns ErrNoCalibration for a detector it does not know; another error,
	// ErrCalibration or the system's, means that there is a calibration which cannot be
	// used. It is safe for concurrent use.
	Lookup(DetectorKey) (*Dark, error)
}

// ErrNoCalibration is returned for a detector without dark frames.
var ErrNoCalibration = errors.New("no dark frames for this detector")

// ErrCalibration is a calibration file that contradicts itself. Images of its detector get
// an estimate, and no frames can be added, until the file is removed.
var ErrCalibration = errors.New("damaged calibration")

// Config is what a site may choose about segmentation.
type Config struct {
	// SoftTissueThreshold is the probability from which a soft tissue pixel is
	// high-precision soft tissue; 0 means 0.90.
	SoftTissueThreshold float64
	// SoftTissueThresholdByBodyPart overrides it by Body Part Examined (0018,0015), upper case.
	SoftTissueThresholdByBodyPart map[string]float64
	// MinimumIsland is the area, as a fraction of Rows×Columns, below which a connected
	// region takes the class around it; 0 means DefaultMinimumIsland, negative keeps every
	// island.
	MinimumIsland float64
	// Guided refines the network's probabilities at the image's own pixels; nil
	// interpolates them bilinearly.
	Guided *GuidedFilter `json:",omitempty"`
	// WholeFrame switches the search for the exposed field off.
	WholeFrame bool
}

// Pipeline is everything between a decoded image and its regions. It is safe for
// concurrent use when its Predictor and Calibration are.
type Pipeline struct {
	Predictor   Predictor
	Model       Model
	Field       Predictor   // of the exposed field; nil: geometry finds it
	FieldDigest string      // SHA-256 of its bundle, hexadecimal
	Calibration Calibration // nil: no dark frames
	Config      Config
}
