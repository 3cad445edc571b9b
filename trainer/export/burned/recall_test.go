package burned_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"os"
	"strconv"
	"testing"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gosmallcaps"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"dicomnode/model"
	"dicomnode/model/ort"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/trainer/export/burned"
	"dicomnode/trainer/simulate/body"
	"dicomnode/trainer/simulate/radiograph"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/view"
)

// pipeline is the program's own models, as an export uses them; without the library
// the test is skipped unless REQUIRE_ORT is set.
func pipeline(t *testing.T) *segment.Pipeline {
	t.Helper()
	open := func(b *model.Bundle, target model.Target, err error) *model.Session {
		if err != nil {
			t.Fatal(err)
		}
		s, err := model.Open(b, model.Options{Target: target, Device: "cpu"})
		if errors.Is(err, ort.ErrNoLibrary) && os.Getenv("REQUIRE_ORT") != "1" {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	regions, err := model.Embedded()
	p := &segment.Pipeline{Predictor: open(regions, model.Regions, err)}
	field, err := model.EmbeddedField()
	p.Field = open(field, model.Field, err)
	return p
}

// text is a piece of writing whose place is known.
type text struct {
	kind string
	burned.Box
}

// typefaces are those of the writing that is added here; the simulator, on whose
// writing the detector was made, uses others.
func typefaces(t *testing.T) (out []*opentype.Font) {
	for _, b := range [][]byte{gobolditalic.TTF, gomediumitalic.TTF, gomonobold.TTF, gosmallcaps.TTF} {
		f, err := opentype.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

// written draws a line of text, turned by an angle in radians; the values are cover.
func written(t *testing.T, face *opentype.Font, s string, height, angle float64) (cover [][]float64) {
	f, err := opentype.NewFace(face, &opentype.FaceOptions{Size: height * 1.35, DPI: 72})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := font.BoundString(f, s)
	w, h := (b.Max.X-b.Min.X).Ceil()+2, (b.Max.Y-b.Min.Y).Ceil()+2
	m := image.NewAlpha(image.Rect(0, 0, w, h))
	(&font.Drawer{Dst: m, Src: image.Opaque, Face: f, Dot: fixed.Point26_6{X: fixed.I(1) - b.Min.X, Y: fixed.I(1) - b.Min.Y}}).DrawString(s)
	cos, sin := math.Cos(angle), math.Sin(angle)
	rw, rh := int(math.Abs(float64(w)*cos)+math.Abs(float64(h)*sin))+1, int(math.Abs(float64(w)*sin)+math.Abs(float64(h)*cos))+1
	cover = make([][]float64, rh)
	for y := range cover {
		cover[y] = make([]float64, rw)
		for x := range cover[y] {
			dx, dy := float64(x)-float64(rw)/2, float64(y)-float64(rh)/2
			sx, sy := int(math.Floor(cos*dx+sin*dy+float64(w)/2)), int(math.Floor(-sin*dx+cos*dy+float64(h)/2))
			if sx >= 0 && sy >= 0 && sx < w && sy < h {
				cover[y][x] = float64(m.AlphaAt(sx, sy).A) / 255
			}
		}
	}
	return cover
}

// sheet is a simulated picture with writing.
type sheet struct {
	samples    []float32
	anatomy    []bool
	rows, cols int
	texts      []text
}

const letters = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"

// drawn simulates picture i of a seed, with the simulator's writing and, where
// extra, two more lines in other typefaces, sizes, places and directions.
func drawn(t *testing.T, seed uint64, i int, extra bool) sheet {
	d := random.New(seed, 1, i)
	s := radiograph.New(body.Phantom().View(d, view.MapSize), random.New(seed, 2, i), 512)
	m := s.Picture()
	out := sheet{rows: m.Bounds().Dy(), cols: m.Bounds().Dx()}
	label := s.Labels().(*image.Gray)
	for y := range out.rows {
		for x := range out.cols {
			r, _, _, _ := m.At(x, y).RGBA()
			out.samples = append(out.samples, float32(r))
			l := label.GrayAt(x, y).Y
			out.anatomy = append(out.anatomy, l == 1 || l == 2)
		}
	}
	for _, st := range s.Stamps() {
		b := burned.Box{Left: st.Left, Top: st.Top, Width: st.Width, Height: st.Height}.Within(out.rows, out.cols)
		if b.Width > 2 && b.Height > 2 && st.Kind != "identification" {
			out.texts = append(out.texts, text{kind: st.Kind, Box: b})
		}
	}
	if extra {
		for range 2 {
			out.write(t, random.New(seed, 3, i*2+len(out.texts)))
		}
	}
	return out
}

// write puts a line somewhere outside anatomy and other writing.
func (s *sheet) write(t *testing.T, d random.Dice) {
	faces := typefaces(t)
	unit := float64(max(s.rows, s.cols)) / 200
	for range 50 {
		line := ""
		for range d.Between(5, 14) {
			line += string(letters[d.IntN(len(letters))])
		}
		angle := float64(d.IntN(4))*math.Pi/2 + d.Uni(-.2, .2)*float64(d.IntN(2))
		cover := written(t, faces[d.IntN(len(faces))], line, d.Uni(3.2, 9)*unit, angle)
		b := burned.Box{Width: len(cover[0]), Height: len(cover)}
		if b.Width >= s.cols || b.Height >= s.rows {
			continue
		}
		b.Left, b.Top = d.IntN(s.cols-b.Width), d.IntN(s.rows-b.Height)
		if !s.free(b) {
			continue
		}
		ink := float32(65535 * d.IntN(2))
		for y := range cover {
			for x, q := range cover[y] {
				p := &s.samples[(b.Top+y)*s.cols+b.Left+x]
				*p += float32(q) * (ink - *p)
			}
		}
		if s.visible(b, cover, ink) {
			s.texts = append(s.texts, text{kind: "other typeface", Box: b})
			return
		}
	}
}

func (s *sheet) free(b burned.Box) bool {
	for _, o := range s.texts {
		if b.Left < o.Left+o.Width && o.Left < b.Left+b.Width && b.Top < o.Top+o.Height && o.Top < b.Top+b.Height {
			return false
		}
	}
	n := 0
	for y := b.Top; y < b.Top+b.Height; y++ {
		for x := b.Left; x < b.Left+b.Width; x++ {
			if s.anatomy[y*s.cols+x] {
				n++
			}
		}
	}
	return 20*n < b.Width*b.Height
}

// visible tells whether writing stands out from what is between its letters by a
// twentieth of the scale: white on white is no writing.
func (s *sheet) visible(b burned.Box, cover [][]float64, ink float32) bool {
	var sum float64
	n := 0
	for y := range cover {
		for x, q := range cover[y] {
			if q == 0 {
				sum += float64(s.samples[(b.Top+y)*s.cols+b.Left+x])
				n++
			}
		}
	}
	return n > 0 && math.Abs(sum/float64(n)-float64(ink)) > 65535/20
}

// visibleStamp is the same for the simulator's own, of which only the box is known.
func (s *sheet) visibleStamp(b burned.Box) bool {
	low, high := float32(65535), float32(0)
	for y := b.Top; y < b.Top+b.Height; y++ {
		for x := b.Left; x < b.Left+b.Width; x++ {
			v := s.samples[y*s.cols+x]
			low, high = min(low, v), max(high, v)
		}
	}
	return high-low > 65535/20
}

// tally counts pieces of writing and what was found of them.
type tally struct{ all, boxed, seen int }

// measured looks at count pictures of a seed.
func measured(t *testing.T, p *segment.Pipeline, seed uint64, count int, extra bool, trace func(string)) (kinds map[string]*tally, blanked, anatomy int) {
	kinds = map[string]*tally{}
	for i := range count {
		s := drawn(t, seed, i, extra)
		m := decode.FromPicture(s.samples, s.rows, s.cols, false)
		res, err := p.Run(context.Background(), m)
		if err != nil {
			t.Fatal(err)
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
		found := burned.Find(burned.Picture{Samples: s.samples, Rows: s.rows, Columns: s.cols, Label: label})
		boxes := found.Outside
		for _, w := range s.texts {
			if !s.visibleStamp(w.Box) {
				continue
			}
			k := kinds[w.kind]
			if k == nil {
				k = &tally{}
				kinds[w.kind] = k
			}
			k.all++
			in := covered(w.Box, boxes)
			both := covered(w.Box, append(boxes[:len(boxes):len(boxes)], found.Inside...))
			if in >= .9 {
				k.boxed++
			}
			if both >= .5 { // enough for whoever looks
				k.seen++
			} else if trace != nil {
				trace(fmt.Sprintf("%s of picture %d of seed %d: %.2f and %.2f of %+v covered", w.kind, i, seed, in, both, w.Box))
			}
		}
		for k, a := range s.anatomy {
			if a {
				anatomy++
				for _, b := range boxes {
					if b.Holds(k%s.cols, k/s.cols) {
						blanked++
						break
					}
				}
			}
		}
	}
	return kinds, blanked, anatomy
}

// covered is the part of a box that lies in boxes.
func covered(w burned.Box, boxes []burned.Box) float64 {
	n := 0
	for y := w.Top; y < w.Top+w.Height; y++ {
		for x := w.Left; x < w.Left+w.Width; x++ {
			for _, b := range boxes {
				if b.Holds(x, y) {
					n++
					break
				}
			}
		}
	}
	return float64(n) / float64(w.Width*w.Height)
}

// number is that of an environment variable.
func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// Writing outside anatomy is found, with the simulator's exact places and on
// typefaces, sizes, places and directions that the detector was not made on. With
// BURNED_IN_IMAGES more pictures are looked at; docs/export.md has the figures of 80.
func TestRecall(t *testing.T) {
	p := pipeline(t)
	count := number("BURNED_IN_IMAGES", 6)
	kinds, blanked, anatomy := measured(t, p, uint64(number("BURNED_IN_SEED", 4001)), count, true, func(s string) { t.Log(s) })
	if kinds["other typeface"] == nil {
		t.Error("no writing was drawn")
	}
	for kind, k := range kinds {
		if share := float64(k.seen) / float64(k.all); share < .8 {
			t.Errorf("%s: %.3f of %d found, want at least 0.8", kind, share, k.all)
		}
		t.Logf("%s: %d, %.4f in boxes, %.4f in boxes or left to a person", kind, k.all, float64(k.boxed)/float64(k.all), float64(k.seen)/float64(k.all))
	}
	t.Logf("%.5f of anatomy in boxes", float64(blanked)/float64(max(anatomy, 1)))
}
