// Package classical holds segmentations of a radiograph into open beam, soft
// tissue and bone that learn nothing: what the paper behind XNet compares
// networks with. Each is written from what is published freely of it: its abstract, and
// what the paper behind XNet says (its sections 2 and 6); the articles themselves were
// not at hand. Each type's comment tells what is the authors' from what is done here
// where that is silent. Every parameter is in an exported struct whose defaults are in
// its comment; none was fitted to real radiographs.
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
// beam bright, and are given its exposed field ([Input]): an unexposed border is dark
// and would be bone to all of them.
package classical

import (
	"fmt"

	"dicomnode/segment/picture"
	"dicomnode/trainer/dataset"
)

// Side is the height and width of a picture in pixels.
const Side = dataset.Side

const (
	open = dataset.OpenBeam
	soft = dataset.SoftTissue
	bone = dataset.Bone
)

// Paste puts classes of p back into Side×Side; the padding is dataset.Ignore.
func Paste(classes []uint8, geo picture.Geometry) []uint8 {
	out := make([]uint8, Side*Side)
	for i := range out {
		out[i] = dataset.Ignore
	}
	for y := range geo.Height {
		copy(out[(geo.Top+y)*Side+geo.Left:], classes[y*geo.Width:][:geo.Width])
	}
	return out
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

// Tunable is a Method whose authors tuned two parameters for each image.
type Tunable interface {
	Method
	// Tuned are the sensible values of the two, by their names in JSON.
	Tuned() map[string][]float64
	// Variants are the method with all pairs of sensible values of the two, beside its
	// own values of the others.
	Variants() []Method
}

// Parameters are those of every method.
type Parameters struct {
	Input          Input          `json:"input"`
	MultiOtsu      MultiOtsu      `json:"multi_otsu"`
	Clustering     Clustering     `json:"clustering"`
	Entropy        Entropy        `json:"entropy"`
	RowFluctuation RowFluctuation `json:"row_fluctuation"`
}

// Defaults returns every method's default parameters.
func Defaults() Parameters {
	return Parameters{DefaultInput(), DefaultMultiOtsu(), DefaultClustering(), DefaultEntropy(), DefaultRowFluctuation()}
}

// Methods lists the methods, the floor first.
func (p Parameters) Methods() []Method {
	return []Method{p.MultiOtsu, p.Clustering, p.Entropy, p.RowFluctuation}
}

// Check refuses parameters that mean nothing, naming the method.
func (p Parameters) Check() error {
	if err := p.Input.Check(); err != nil {
		return fmt.Errorf("input: %w", err)
	}
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
