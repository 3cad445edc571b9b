package simulate

import (
	"fmt"
	"strconv"
	"strings"

	"dicomnode/internal/option"
	"dicomnode/trainer/simulate/body"
	"dicomnode/trainer/simulate/ct"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/view"
)

// subject is an anatomy that can be radiographed: a *Body or a *CT.
type subject interface {
	// View chooses a body part and a camera, and computes path lengths on maps of at most n×n
	// pixels.
	View(d random.Dice, n int) view.View
	// Part returns the body part that View chooses with the same dice.
	Part(d random.Dice) string
	// Identity identifies the subject in the UIDs of DICOM files.
	Identity() string
}

var (
	_ subject = (*body.Body)(nil)
	_ subject = (*ct.CT)(nil)
)

// Anatomy is a set of subjects (surface models and CT volumes), each with its share of the
// views. It is safe for concurrent use.
type Anatomy struct {
	subjects []subject
	weights  []float64 // their sum is 1
}

// Default shares of the views if there are both kinds of subjects.
const (
	shareOfBodies = .8
	shareOfCTs    = .2
)

// NewAnatomy returns an Anatomy of one body.
func NewAnatomy(b *body.Body) *Anatomy { return &Anatomy{[]subject{b}, []float64{1}} }

// LoadAnatomy loads surface models ([body.Load]) and CT volumes ([ct.Load]); without files it
// returns [body.Phantom]. A file name may have the suffix = and its weight. By default all
// bodies together weigh 0.8 and all CTs together 0.2, in equal parts.
func LoadAnatomy(files ...string) (*Anatomy, error) {
	if len(files) == 0 {
		return NewAnatomy(body.Phantom()), nil
	}
	a := &Anatomy{}
	for _, f := range files {
		path, weight, err := weighted(f)
		if err != nil {
			return nil, err
		}
		var s subject
		if isCT(path) {
			s, err = ct.Load(path)
		} else {
			s, err = body.Load(path)
		}
		if err != nil {
			return nil, err
		}
		a.subjects, a.weights = append(a.subjects, s), append(a.weights, weight)
	}
	return a, a.share()
}

func isCT(path string) bool {
	return strings.HasSuffix(path, ".nii") || strings.HasSuffix(path, ".nii.gz")
}

// weighted splits FILE=WEIGHT; the weight is −1 if it is missing.
func weighted(s string) (path string, weight float64, err error) {
	i := strings.LastIndexByte(s, '=')
	if i < 0 {
		return s, -1, nil
	}
	w, err := strconv.ParseFloat(s[i+1:], 64)
	if err != nil || !(w >= 0 && w <= 1e6) {
		return "", 0, fmt.Errorf("%w: %w", ErrOptions, option.Refuse("anatomy", "%q: want a weight of 0 to 1000000 behind the =", s))
	}
	return s[:i], w, nil
}

// share sets missing weights and scales the sum to 1.
func (a *Anatomy) share() error {
	var bodies, cts, total float64
	for i, s := range a.subjects {
		switch _, scanned := s.(*ct.CT); {
		case a.weights[i] >= 0:
		case scanned:
			cts++
		default:
			bodies++
		}
	}
	for i, s := range a.subjects {
		if a.weights[i] < 0 {
			a.weights[i] = shareOfBodies / bodies
			if _, scanned := s.(*ct.CT); scanned {
				a.weights[i] = shareOfCTs / cts
			}
		}
		total += a.weights[i]
	}
	if total == 0 {
		return fmt.Errorf("%w: %w", ErrOptions, option.Refuse("anatomy", "has no weight above 0"))
	}
	for i := range a.weights {
		a.weights[i] /= total
	}
	return nil
}

// subject returns the subject of view v of a seed.
func (a *Anatomy) subject(seed uint64, v int) subject {
	if len(a.subjects) == 1 {
		return a.subjects[0]
	}
	x, last := random.New(seed, 6, v).Float64(), 0
	for i, w := range a.weights {
		if w > 0 {
			last = i
		}
		if x -= w; x < 0 {
			break
		}
	}
	return a.subjects[last]
}
