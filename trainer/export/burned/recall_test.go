package burned_test

import (
	"os"
	"strconv"
	"sync"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/export/burned"
	"dicomnode/trainer/export/exporttest"
)

// labelled are the regions that the program's models find, as an export has them.
func labelled(t *testing.T, p *segment.Pipeline, s sheet) []uint8 {
	res, err := p.Run(t.Context(), decode.FromPicture(s.samples, s.rows, s.cols, false))
	if err != nil {
		t.Error(err)
		return nil
	}
	label := make([]uint8, len(s.samples))
	for k := range label {
		switch {
		case res.Masks.Soft[k]:
			label[k] = 1
		case res.Masks.Bone[k]:
			label[k] = 2
		case !res.Masks.Open[k]:
			label[k] = 255
		}
	}
	return label
}

// number is that of an environment variable.
func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// Writing is found, by the simulator's exact masks, and in other typefaces, sizes, places
// and directions than the simulator's. BURNED_IN_IMAGES is how many pictures are looked at,
// BURNED_IN_SEED and BURNED_IN_FIRST where they begin; with BURNED_IN_WRITTEN=1 they are
// those alone that the simulator wrote into, and nothing is added. BURNED_IN_EFFORT is the
// effort of the models and "guided" refinement; without, each picture is predicted once. "make
// burned-in" looks at many; docs/export.md has the figures.
func TestRecall(t *testing.T) {
	p := exporttest.Pipeline(t, segment.Config{})
	if _, err := typefaces(); err != nil {
		t.Fatal(err)
	}
	if e := os.Getenv("BURNED_IN_EFFORT"); e != "" {
		p.Config.Effort, p.Config.Guided = scales.Effort(e), picture.NewGuidedFilter()
	}
	count, seed, written := number("BURNED_IN_IMAGES", 6), uint64(number("BURNED_IN_SEED", 4001)), number("BURNED_IN_WRITTEN", 0) == 1
	r := result{kinds: map[string]*tally{}}
	for next, said := number("BURNED_IN_FIRST", 0), 0; r.pictures < count; {
		for _, o := range together(t, p, seed, next, min(atOnce, count-r.pictures), !written) {
			if next++; written && len(o.texts) == 0 {
				continue
			}
			r.picture(o.sheet, o.found, func(s string) { t.Log(s) })
		}
		if r.pictures >= said+100 { // so that a run of hours says how far it is
			said = r.pictures
			r.log(t)
		}
	}
	r.log(t)
	r.judge(t)
}

// atOnce is the number of pictures that are made together.
const atOnce = 4

// looked is a picture and what was found in it.
type looked struct {
	sheet
	found burned.Findings
}

// together simulates n pictures from number first and searches them, all at the same time;
// without extra lines, those without writing are not searched.
func together(t *testing.T, p *segment.Pipeline, seed uint64, first, n int, extra bool) []looked {
	out := make([]looked, n)
	var work sync.WaitGroup
	for k := range out {
		work.Go(func() {
			s := drawn(t, seed, first+k, extra)
			out[k].sheet = s
			if len(s.texts) > 0 || extra {
				out[k].found = burned.Find(burned.Picture{Samples: s.samples, Rows: s.rows, Columns: s.cols, Label: labelled(t, p, s)})
			}
		})
	}
	work.Wait()
	return out
}

// judge compares with what any picture must reach.
func (r *result) judge(t *testing.T) {
	t.Helper()
	for kind, k := range r.kinds {
		least := [2]float64{.85, .98} // in boxes; in boxes or shown
		if kind == "marker" {
			least = [2]float64{0, .8} // letters of lead are kept where they lie on anatomy
		} else if _, high := wilson(k.gone, k.released); k.released > 0 && high < .95 {
			t.Errorf("%s: %d of %d in boxes where nobody looks", kind, k.gone, k.released)
		}
		if all := float64(k.all); float64(k.boxed) < least[0]*all || float64(k.seen) < least[1]*all {
			t.Errorf("%s: %d of %d in boxes and %d in boxes or shown, want %.2f of them", kind, k.boxed, k.all, k.seen, least)
		}
	}
	if len(r.kinds) == 0 {
		t.Error("no writing was drawn")
	}
	if 33*r.wrongly > r.anatomy { // most of it in pictures that wait for review
		t.Errorf("%d of %d pixels of anatomy would be blanked where nothing is written", r.wrongly, r.anatomy)
	}
	if 200*r.lost > r.left {
		t.Errorf("%d of %d pixels of anatomy would be blanked where nobody looks", r.lost, r.left)
	}
}

// The anatomy of real radiographs stays, and their side markers are found: those are
// the regions away from the border that their labels leave out. docs/export.md has the
// figures.
func TestRealRadiographs(t *testing.T) {
	f, err := dataset.Open(dicomtest.Shared(t, "labelled"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := exporttest.Pipeline(t, segment.Config{})
	r := result{kinds: map[string]*tally{"marker": {}}}
	for _, it := range f.Items {
		m, err := f.Load(it)
		if err != nil {
			t.Fatal(err)
		}
		s := sheet{samples: m.Pix, rows: m.Rows, cols: m.Cols}
		for _, l := range m.Label {
			s.anatomy = append(s.anatomy, l == 1 || l == 2)
		}
		s.markers(m.Label)
		found := burned.Find(burned.Picture{Samples: s.samples, Rows: s.rows, Columns: s.cols, Label: labelled(t, p, s)})
		before := r.blanked
		r.picture(s, found, func(s string) { t.Log(s) })
		t.Logf("%s: %d boxes, %d to show, %d pixels of anatomy", it.ID, len(found.Writing), len(found.Doubtful), r.blanked-before)
	}
	r.log(t)
	if k := r.kinds["marker"]; k.all < 5 || k.seen < k.all {
		t.Errorf("%d of %d markers are in boxes or shown", k.seen, k.all)
	}
	if 1000*r.blanked > r.anatomy {
		t.Errorf("%d of %d pixels of anatomy of real radiographs would be blanked", r.blanked, r.anatomy)
	}
	if 3*r.released < r.pictures {
		t.Errorf("blank releases %d of %d real radiographs", r.released, r.pictures)
	}
}
