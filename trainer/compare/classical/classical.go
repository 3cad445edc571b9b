// Package classical holds segmentations of a radiograph into open beam, soft
// tissue and bone that learn nothing: what the paper behind XNet compares
// networks with. Each is written from its published description, with every
// parameter in an exported struct whose defaults are in its comment. Where a
// description is silent its type says what is done instead, and that is not the
// authors'. No default was fitted to scores on a data set.
//
//   - [MultiOtsu]: two grey thresholds for the whole picture, exactly the best
//     by Otsu's criterion. The floor.
//   - [Clustering]: regions grown by statistical tests, clustered and voted on with
//     their neighbours, then held against a surface per tissue (Pakin et al.,
//     J. Electronic Imaging 12(1), 2003).
//   - [Entropy]: contours where the local entropy is high, regions between them
//     held against the grey of the contours around (Bandyopadhyay et al., PReMI
//     2011).
//   - [RowFluctuation]: falls and rises of the grey value along each row at edges
//     (Kazeminia et al., 2015).
//
// The publications tell bone from soft tissue and take away the open beam before
// that; where a description names no way to do so, the brightest class of
// MultiOtsu is the open beam. All work on the network's canonical picture, open
// beam bright. None knows the exposed field: an unexposed border is dark and
// therefore bone to all of them, as it is to a network that was not taught
// otherwise.
package classical

import (
	"fmt"

	"dicomnode/segment"
	"dicomnode/trainer/dataset"
)

// Side is the height and width of a picture in pixels.
const Side = dataset.Side

const (
	open = dataset.OpenBeam
	soft = dataset.SoftTissue
	bone = dataset.Bone
)

// Picture is a canonical picture without the padding that made it square.
type Picture struct {
	Height, Width int
	V             []float64 // Height×Width, 0..1, open beam bright
}

// NewPicture cuts a canonical picture x, Side×Side in [−1,1], out of its padding
// and stretches its values to 0..1. A constant picture becomes 0.
func NewPicture(x []float32, geo segment.Geometry) Picture {
	p := Picture{Height: geo.Height, Width: geo.Width, V: make([]float64, geo.Height*geo.Width)}
	for y := range p.Height {
		for c := range p.Width {
			p.V[y*p.Width+c] = float64(x[(geo.Top+y)*Side+geo.Left+c])
		}
	}
	low, high := bounds(p.V)
	for i, v := range p.V {
		p.V[i] = 0
		if high > low {
			p.V[i] = (v - low) / (high - low)
		}
	}
	return p
}

// Paste puts classes of p back into Side×Side; the padding is dataset.Ignore.
func Paste(classes []uint8, geo segment.Geometry) []uint8 {
	out := make([]uint8, Side*Side)
	for i := range out {
		out[i] = dataset.Ignore
	}
	for y := range geo.Height {
		copy(out[(geo.Top+y)*Side+geo.Left:], classes[y*geo.Width:][:geo.Width])
	}
	return out
}

func bounds(v []float64) (low, high float64) {
	if len(v) == 0 {
		return 0, 0
	}
	low, high = v[0], v[0]
	for _, a := range v {
		low, high = min(low, a), max(high, a)
	}
	return low, high
}

// Method is a segmentation without learning. Its exported fields are its
// parameters; encoding/json shows them all.
type Method interface {
	// Name is one word, for tables.
	Name() string
	// Check refuses parameters that mean nothing.
	Check() error
	// Segment returns Height×Width classes 0, 1 and 2.
	Segment(p Picture) []uint8
}

// Parameters are those of every method.
type Parameters struct {
	MultiOtsu      MultiOtsu      `json:"multi_otsu"`
	Clustering     Clustering     `json:"clustering"`
	Entropy        Entropy        `json:"entropy"`
	RowFluctuation RowFluctuation `json:"row_fluctuation"`
}

// Defaults returns every method's default parameters.
func Defaults() Parameters {
	return Parameters{DefaultMultiOtsu(), DefaultClustering(), DefaultEntropy(), DefaultRowFluctuation()}
}

// Methods lists the methods, the floor first.
func (p Parameters) Methods() []Method {
	return []Method{p.MultiOtsu, p.Clustering, p.Entropy, p.RowFluctuation}
}

// Check refuses parameters that mean nothing, naming the method.
func (p Parameters) Check() error {
	for _, m := range p.Methods() {
		if err := m.Check(); err != nil {
			return fmt.Errorf("%s: %w", m.Name(), err)
		}
	}
	return nil
}

// limit is a parameter with the range it must lie in.
type limit struct {
	name            string
	value, low, top float64
}

func within(limits ...limit) error {
	for _, l := range limits {
		if !(l.value >= l.low && l.value <= l.top) { // false for NaN too
			return fmt.Errorf("%s is %v, want %v to %v", l.name, l.value, l.low, l.top)
		}
	}
	return nil
}
