package radiograph

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sync/errgroup"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/body"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/view"
)

// fieldCase is how well segment finds the exposed field of one simulated radiograph.
type fieldCase struct {
	exposed    float64 // part of the frame
	iou        float64
	open, lost float64 // pixels of the open beam, and those that were cut off
}

// shared is how many pictures show one posed body.
const shared = 4

// fieldsOf measures samples 0 … n−1 of a seed.
func fieldsOf(t *testing.T, body *body.Body, seed uint64, n int) []fieldCase {
	t.Helper()
	out := make([]fieldCase, n)
	var g errgroup.Group
	g.SetLimit(runtime.NumCPU())
	for v := range (n + shared - 1) / shared {
		g.Go(func() error {
			w := body.View(random.New(seed, 1, v), view.MapSize)
			for i := v * shared; i < min(n, (v+1)*shared); i++ {
				s := New(w, random.New(seed, 2, i), 256)
				s.stretch()
				found, _ := segment.ExposedField(s.pic.V, s.h, s.w)
				out[i] = s.compare(found)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return out
}

func (s *Sheet) compare(found segment.Mask) (c fieldCase) {
	var both, either, in float64
	for i, e := range s.exposed() {
		switch {
		case e && found[i]:
			both++
			either++
		case e || found[i]:
			either++
		}
		if e {
			in++
		}
		if e && s.label[i] == dataset.OpenBeam {
			c.open++
			if !found[i] {
				c.lost++
			}
		}
	}
	c.exposed, c.iou = in/float64(len(found)), both/max(1, either)
	return c
}

// exposed marks what the beam reached and nothing written over the picture hides: the exposed field.
func (s *Sheet) exposed() []bool {
	out := make([]bool, len(s.beam))
	for i, b := range s.beam {
		out[i] = b && !s.covered[i] && !s.outside[i]
	}
	return out
}

// fieldSum is the table's line.
type fieldSum struct{ n, iou, good, losing, open, lost float64 }

func (f *fieldSum) add(c fieldCase) {
	f.n++
	f.iou += c.iou
	if c.iou >= .95 {
		f.good++
	}
	if c.lost > .01*c.open {
		f.losing++
	}
	f.open += c.open
	f.lost += c.lost
}

func (f fieldSum) String() string {
	return fmt.Sprintf("%4.0f pictures: mean IoU %.4f, %5.1f %% of them ≥ 0.95; open beam lost %.2f %%, %.1f %% lose more than 1 %%",
		f.n, f.iou/f.n, 100*f.good/f.n, 100*f.lost/f.open, 100*f.losing/f.n)
}

// wholeFrame is the exposed part from which a picture counts as without a border.
const wholeFrame = .998

// TestFieldOnSimulatedPictures prints how well the exposed field is found, and fails a little below what was
// reached. FIELD_CASES and FIELD_SEED choose other samples.
func TestFieldOnSimulatedPictures(t *testing.T) {
	number := func(name string, otherwise uint64) uint64 {
		if n, err := strconv.ParseUint(os.Getenv(name), 10, 32); err == nil {
			return n
		}
		return otherwise
	}
	seed, cases := number("FIELD_SEED", 78), number("FIELD_CASES", 40)
	body, err := body.Load(dicomtest.Shared(t, "anatomy", "bp3d_body.npz"))
	if err != nil {
		t.Fatal(err)
	}
	var border, whole, all fieldSum
	for _, c := range fieldsOf(t, body, seed, int(cases)) {
		all.add(c)
		if c.exposed < wholeFrame {
			border.add(c)
		} else {
			whole.add(c)
		}
	}
	t.Logf("with a border: %v", border)
	t.Logf("without:       %v", whole)
	t.Logf("all:           %v", all)
	if border.iou/border.n < .78 || whole.iou/whole.n < .99 || all.lost > .01*all.open {
		t.Error("the field is found worse than it was, or more than 1 % of the open beam is lost")
	}
}
