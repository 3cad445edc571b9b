// Package dark keeps what detectors answer without radiation and takes it from raw
// radiographs: calibration frames in a folder, one file for each detector, and the
// correction made of them. It does not decide which objects are calibration frames, and
// leaves alone what a system has corrected already.
package dark

import (
	"errors"
	"fmt"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

// Calibration is that of one detector: what it answers without radiation, how
// strongly each pixel answers with it, and which pixels not to believe.
type Calibration struct {
	Key    Key
	Frames int // dark frames averaged; fewer than [AgreeingFrames] are not used
	Floods int // flood frames averaged

	Offset []float32    // mean dark signal, Rows×Columns, stored values
	Gain   []float32    // flood − dark, divided by its median; nil without flood frames
	Defect picture.Mask // pixels to be replaced by their neighbours

	Digest string // SHA-256 of the stored calibration, hexadecimal
}

// Record says what dark correction did.
type Record struct {
	Method    string  // "dark frames", "estimated" or "none"
	Reason    string  // why, in words
	Frames    int     // dark frames behind the correction
	Offset    float64 // mean offset subtracted, in stored values
	Gain      bool    // flood frames were used as well
	Corrected int     // defect pixels replaced
	Digest    string  // of the calibration used, "" without one
	Err       error   // why the detector's calibration could not be used; nil when it has none
}

// String says in words what was done.
func (r Record) String() string {
	text := r.Method
	if r.Reason != "" {
		text += " (" + r.Reason + ")"
	}
	if r.Frames > 0 {
		text += fmt.Sprintf(", %d frames", r.Frames)
	}
	if r.Offset != 0 {
		text += fmt.Sprintf(", mean offset %.6g", r.Offset)
	}
	if r.Gain {
		text += ", flood frames"
	}
	if r.Corrected > 0 {
		text += fmt.Sprintf(", %d defect pixels", r.Corrected)
	}
	if r.Digest != "" {
		text += ", calibration SHA-256 " + r.Digest
	}
	return text
}

// Key names what a calibration is valid for.
type Key struct {
	Detector      string // Detector ID (0018,700A), or Device Serial Number (0018,1000)
	Rows, Columns int
	Binning       string // Detector Binning (0018,701A), "" when absent
	Mode          string // Detector Mode (0018,7008) and Active Shape (0018,7024), "" when absent
}

// String names it as "dark list" does.
func (k Key) String() string {
	text := fmt.Sprintf("%s %d×%d", k.Detector, k.Rows, k.Columns)
	if k.Binning != "" {
		text += " binning " + k.Binning
	}
	if k.Mode != "" {
		text += " mode " + k.Mode
	}
	return text
}

// Calibrations finds the dark signal of a detector.
type Calibrations interface {
	// Lookup returns ErrNoCalibration for a detector it does not know; another error,
	// ErrDamaged or the system's, means that there is a calibration which cannot be
	// used. It is safe for concurrent use.
	Lookup(Key) (*Calibration, error)
}

// ErrNoCalibration is returned for a detector without dark frames, or with too few.
var ErrNoCalibration = errors.New("no dark frames for this detector")

// ErrDamaged is a calibration file that contradicts itself. Images of its detector get
// an estimate, and no frames can be added, until the file is removed.
var ErrDamaged = errors.New("damaged calibration")

// KeyOf is the key under which m's calibration is kept; ok is false when the image
// names no detector.
func KeyOf(m *decode.Image) (key Key, ok bool) {
	text := func(element uint16) string { return m.Text(tag.Tag{Group: 0x0018, Element: element}) }
	key = Key{Detector: text(0x700A), Rows: m.Rows, Columns: m.Columns}
	if key.Detector == "" {
		key.Detector = text(0x1000)
	}
	if b, isText := m.Values(tag.Tag{Group: 0x0018, Element: 0x701A}).([]string); isText {
		key.Binning = strings.Join(b, "\\")
	}
	key.Mode = strings.Trim(text(0x7008)+" "+text(0x7024), " ")
	return key, key.Detector != ""
}
