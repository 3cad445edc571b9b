package compare_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"math"
	"slices"
	"strings"
	"testing"

	"dicomnode/segment/picture"
	"dicomnode/trainer/compare"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

const (
	wide = 600 // columns of the pictures; 3 to a pixel of the network
	tall = 300
)

// folder writes pictures of open beam left of column edge(i) and soft tissue right of
// it, as bright as their label, except for unlabelled ones whose edge is 0.
func folder(t *testing.T, edges ...int) string {
	t.Helper()
	dir := t.TempDir()
	w, err := dataset.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, edge := range edges {
		picture, label := image.NewGray(image.Rect(0, 0, wide, tall)), image.NewGray(image.Rect(0, 0, wide, tall))
		for at := range label.Pix {
			switch {
			case edge == 0:
				label.Pix[at] = dataset.Ignore
			case at%wide < edge:
				picture.Pix[at] = 200
			default:
				label.Pix[at], picture.Pix[at] = dataset.SoftTissue, 100
			}
		}
		it := dataset.Item{ID: string(rune('a' + i)), BodyPart: "hand", Polarity: dataset.AirBright}
		if err := w.Add(it, picture, label); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// late sees the border two network pixels right of where the picture turns dark.
type late struct{ closed *int }

func (l late) Segment(context.Context, *dataset.Sample) ([]uint8, error) {
	return nil, errors.New("asked for classes of the network's pixels")
}

func (l late) Answer(_ context.Context, p *dataset.Picture) (picture.Map, error) {
	s := dataset.NewSample(dataset.Item{}, p)
	const n = compare.Side * compare.Side
	out := make([]float32, 3*n)
	dark := slices.IndexFunc(s.X[n/2:][:compare.Side], func(v uint16) bool { return v < 32768 })
	for i := range n {
		p := float32(min(max(float64(dark+1-i%compare.Side)/5+0.5, 0.1), 0.9))
		out[i], out[n+i] = p, 1-p
	}
	return s.Geo.Map(out), nil
}

func (l late) Close() error { *l.closed++; return nil }

func opens(s compare.Segmenter) []compare.Entry {
	return []compare.Entry{{Identity: compare.Identity{Name: "late", Kind: compare.KindNetwork}, Open: func() (compare.Segmenter, error) { return s, nil }}}
}

// Bilinear interpolation leaves the border some pixels to the right in every row; the
// filter brings it back.
func TestRefineFiguresByHand(t *testing.T) {
	closed, last := 0, 0
	r, err := compare.Refine(t.Context(), folder(t, 300, 240, 0), evaluate.Options{}, opens(late{&closed}),
		compare.Refinements(&picture.GuidedFilter{Radius: 4}), compare.Options{Resamples: 300, Progress: func(done, all int) {
			if last = done; all != 3 {
				t.Errorf("%d images announced, want 3", all)
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	if closed != 1 || last != 3 || !r.Native || r.Images != 2 || len(r.Rows) != 4 {
		t.Fatalf("closed %d, progress %d, native %v, %d images, %d rows", closed, last, r.Native, r.Images, len(r.Rows))
	}
	plain, guided := r.Rows[0], r.Rows[2]
	if plain.Name != "late" || guided.Name != "late, guided" || plain.Pixels != 2*wide*tall {
		t.Errorf("%s and %s of %d pixels", plain.Name, guided.Name, plain.Pixels)
	}
	off := float64(plain.Confusion[1][0]) / (2 * tall) // columns
	if off != math.Trunc(off) || off < 2 || plain.Confusion[0][1] != 0 {
		t.Fatalf("border %v columns off, confusion %v", off, plain.Confusion)
	}
	near(t, "boundary of open beam", float64(plain.Boundary[0]), off/3)
	if plain.Boundary[2].Defined() || guided.Difference.Boundary[2] != nil {
		t.Error("bone has a boundary in pictures without bone")
	}
	if left := float64(guided.Confusion[1][0]+guided.Confusion[0][1]) / (2 * tall); left > 1 {
		t.Errorf("guided: border %v columns off on average, want at most 1", left)
	}
	d := guided.Difference
	near(t, "difference", d.Accuracy.Value, float64(guided.Accuracy-plain.Accuracy))
	near(t, "nearer", d.Boundary[0].Value, float64(guided.Boundary[0]-plain.Boundary[0]))
	if d.Accuracy.Low <= 0 || d.Boundary[0].High >= 0 || d.Images.Better != 2 {
		t.Errorf("%+v, %+v", d.Accuracy, d.Boundary[0])
	}
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"the images' own", "boundary distance", `late, guided: {"guided":{"radius":4,`, "late, islands kept"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestRefineGivesUp(t *testing.T) {
	closed := 0
	cause := errors.New("no device")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	full, empty := folder(t, 300), folder(t, 0)
	for name, c := range map[string]struct {
		ctx     context.Context
		folder  string
		entries []compare.Entry
		want    error // nil: any
	}{
		"nothing labelled": {t.Context(), empty, opens(late{&closed}), evaluate.ErrEmpty},
		"no network":       {t.Context(), full, opens(script{}), nil},
		"no entry":         {t.Context(), full, nil, nil},
		"does not open":    {t.Context(), full, []compare.Entry{{Open: func() (compare.Segmenter, error) { return nil, cause }}}, cause},
		"second one fails": {t.Context(), full, append(opens(late{&closed}), compare.Entry{Open: func() (compare.Segmenter, error) { return nil, cause }}), cause},
		"no folder":        {t.Context(), full + "x", opens(late{&closed}), nil},
		"cancelled":        {cancelled, full, opens(late{&closed}), context.Canceled},
	} {
		_, err := compare.Refine(c.ctx, c.folder, evaluate.Options{}, c.entries, compare.Refinements(nil), compare.Options{})
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if closed != 3 {
		t.Errorf("closed %d times, want 3", closed)
	}
}
