package compare_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"dicomnode/segment"
	"dicomnode/segment/picture"
	"dicomnode/trainer/compare"
	"dicomnode/trainer/compare/classical"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

const pixels = compare.Side * compare.Side

// sample has rows of open beam, soft tissue and bone in the given numbers; what is
// left is ignored. Its picture is as bright as its label says.
func sample(id string, rows ...int) *dataset.Sample {
	s := &dataset.Sample{Item: dataset.Item{ID: id}, Geo: picture.NewGeometry(compare.Side, compare.Side),
		X: make([]uint16, pixels), Label: slices.Repeat([]uint8{dataset.Ignore}, pixels)}
	at := 0
	for class, n := range rows {
		for i := at; i < at+n*compare.Side; i++ {
			s.Label[i], s.X[i] = uint8(class), uint16(60000-20000*class)
		}
		at += n * compare.Side
	}
	return s
}

// script answers with the label, wrong on the first wrong[id] scored pixels.
type script struct {
	wrong  map[string]int
	class  uint8 // instead of the label where wrong
	closed *int
	err    error
	short  bool
}

func (s script) Segment(_ context.Context, smp *dataset.Sample) ([]uint8, error) {
	out := slices.Clone(smp.Label)
	left := s.wrong[smp.Item.ID]
	for i, v := range out {
		if v == dataset.Ignore {
			out[i] = 0
		} else if left > 0 {
			left--
			out[i] = s.class
		}
	}
	if s.short {
		out = out[:10]
	}
	return out, s.err
}

func (s script) Close() error {
	if s.closed != nil {
		*s.closed++
	}
	return nil
}

func entry(name string, s compare.Segmenter) compare.Entry {
	return compare.Entry{Identity: compare.Identity{Name: name, Kind: compare.KindClassical},
		Open: func() (compare.Segmenter, error) { return s, nil }}
}

// ticking is a clock on which every reading is a millisecond after the last.
func ticking() func() time.Duration {
	var now time.Duration
	return func() time.Duration { now += time.Millisecond; return now }
}

func TestRunFiguresByHand(t *testing.T) {
	samples := []*dataset.Sample{sample("a", 100, 50, 30), sample("b", 0, 100), sample("empty")}
	closed, seen := 0, []int{}
	r, err := compare.Run(t.Context(), samples, []compare.Entry{
		entry("first", script{wrong: map[string]int{"a": 1000}, class: 2, closed: &closed}),
		entry("second", script{wrong: map[string]int{"a": 400, "b": 900}, class: 2, closed: &closed}),
	}, compare.Options{Seed: 4, Keep: 1, Clock: ticking(), Progress: func(done, all int) {
		if all != 4 {
			t.Errorf("%d steps announced, want 4", all)
		}
		seen = append(seen, done)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if closed != 2 || !slices.Equal(seen, []int{1, 2, 3, 4}) {
		t.Errorf("closed %d, progress %v", closed, seen)
	}
	const all = 36000 + 20000
	first, second := r.Rows[0], r.Rows[1]
	if r.Images != 2 || first.Pixels != all || first.Confusion[0] != [3]int64{19000, 0, 1000} || second.Confusion[1] != [3]int64{0, 29100, 900} {
		t.Errorf("%d images, confusion %v and %v", r.Images, first.Confusion, second.Confusion)
	}
	near(t, "accuracy", float64(first.Accuracy), 1-1000.0/all)
	near(t, "accuracy", float64(second.Accuracy), 1-1300.0/all)
	near(t, "seconds", second.Seconds, 0.001)
	near(t, "accuracy of image a", second.PerImage[0].Accuracy, 1-400.0/36000)
	if first.Difference != nil {
		t.Error("the first entry differs from itself")
	}
	d := second.Difference
	near(t, "difference", d.Accuracy.Value, -300.0/all)
	if d.McNemar.OnlyFirst != 900 || d.McNemar.OnlyThis != 600 || d.Images.Better != 1 || d.Images.Worse != 1 || d.Images.P != 1 {
		t.Errorf("%+v", d)
	}
	near(t, "χ²", d.McNemar.ChiSquare, 299.0*299/1500)
	if len(r.Pictures) != 1 || len(r.Pictures[0].Classes) != 2 || r.Pictures[0].Classes[1][0] != 2 {
		t.Error("the picture kept is not that of image a")
	}
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-12*max(1, math.Abs(want)) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestRunGivesUp(t *testing.T) {
	a := []*dataset.Sample{sample("a", 100, 50, 30)}
	cause := errors.New("no device")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx     context.Context
		samples []*dataset.Sample
		entries []compare.Entry
		want    error // nil: any
	}{
		"nothing labelled": {t.Context(), []*dataset.Sample{sample("empty")}, []compare.Entry{entry("x", script{})}, evaluate.ErrEmpty},
		"no entry":         {t.Context(), a, nil, nil},
		"segmenter error":  {t.Context(), a, []compare.Entry{entry("x", script{err: cause})}, cause},
		"does not open":    {t.Context(), a, []compare.Entry{{Open: func() (compare.Segmenter, error) { return nil, cause }}}, cause},
		"too few classes":  {t.Context(), a, []compare.Entry{entry("x", script{short: true})}, nil},
		"class 7":          {t.Context(), a, []compare.Entry{entry("x", script{wrong: map[string]int{"a": 1}, class: 7})}, nil},
		"cancelled":        {cancelled, a, []compare.Entry{entry("x", script{})}, context.Canceled},
	} {
		_, err := compare.Run(c.ctx, c.samples, c.entries, compare.Options{})
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// constant answers every picture with the same probabilities.
type constant []float32

func (c constant) Predict(_ context.Context, x []float32) ([]float32, error) {
	var out []float32
	for _, p := range c {
		out = append(out, slices.Repeat([]float32{p}, len(x))...)
	}
	return out, nil
}

func TestNetworkTakesTheMostProbableClass(t *testing.T) {
	for want, p := range map[uint8]constant{0: {0.4, 0.4, 0.2}, 1: {0.2, 0.4, 0.4}, 2: {0.1, 0.2, 0.7}} {
		got, err := (&compare.Network{Predictor: p}).Segment(t.Context(), sample("a", 200))
		if err != nil || len(got) != pixels || got[0] != want || got[pixels-1] != want {
			t.Errorf("%v: class %v, error %v", p, got[:1], err)
		}
	}
	if _, err := (&compare.Network{Predictor: constant{0.5, 0.5}}).Segment(t.Context(), sample("a", 200)); err == nil {
		t.Error("two classes: accepted")
	}
}

// TestTunedIsTheBestVariant: no variant is right on more pixels, and some is as good.
func TestTunedIsTheBestVariant(t *testing.T) {
	s := limbSample()
	right := func(seg compare.Segmenter) (n int) {
		classes, err := seg.Segment(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range s.Label {
			if v != dataset.Ignore && classes[i] == v {
				n++
			}
		}
		return n
	}
	all := compare.ClassicalEntries(classical.Defaults(), true, &segment.Pipeline{})
	entries := all[4:]
	if len(entries) != 1 || entries[0].Method != "clustering" || entries[0].Kind != compare.KindTuned {
		t.Fatalf("%+v", entries)
	}
	seg, err := entries[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	got, best, worst := right(seg), 0, math.MaxInt
	variants := classical.DefaultClustering().Variants()
	for _, m := range variants {
		p := classical.Defaults()
		p.Clustering = m.(classical.Clustering)
		one, err := compare.ClassicalEntries(p, false, &segment.Pipeline{})[1].Open()
		if err != nil {
			t.Fatal(err)
		}
		n := right(one)
		best, worst = max(best, n), min(worst, n)
	}
	if got != best || worst == best || len(variants) != 25 {
		t.Errorf("%d pixels right; %d variants have %d to %d", got, len(variants), worst, best)
	}
}

// limbSample is a shaded limb with a bone, in noise.
func limbSample() *dataset.Sample {
	r := rand.New(rand.NewPCG(3, 0))
	s := &dataset.Sample{Item: dataset.Item{ID: "limb"}, X: make([]uint16, compare.Side*compare.Side), Label: make([]uint8, compare.Side*compare.Side),
		Geo: picture.Geometry{Rows: compare.Side, Columns: compare.Side, Height: compare.Side, Width: compare.Side}}
	for i := range s.X {
		v, across := 60000.0, math.Abs(float64(i%compare.Side)-100)
		if across < 60 {
			s.Label[i], v = dataset.SoftTissue, 42000-70*float64(i/compare.Side)
		}
		if across < 20 {
			s.Label[i], v = dataset.Bone, v-9000
		}
		s.X[i] = uint16(v + 1500*r.NormFloat64())
	}
	return s
}
