package burned_test

import (
	"errors"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gosmallcaps"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/raster"
	"dicomnode/model"
	"dicomnode/model/ort"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
	"dicomnode/trainer/dataset"
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
	ink []int // the pixels that it covers by half or more and where it is seen
}

// typefaces are those of the writing that is added here, other ones than the simulator's.
// The detector was made on them and on Debian's fonts-freefont-ttf; BURNED_IN_TYPEFACES are
// folders of typefaces (*.ttf) to take instead, separated by colons.
var typefaces = sync.OnceValues(func() (out []*opentype.Font, err error) {
	all := [][]byte{gobolditalic.TTF, gomediumitalic.TTF, gomonobold.TTF, gosmallcaps.TTF}
	if folders := os.Getenv("BURNED_IN_TYPEFACES"); folders != "" {
		if all, err = filesIn(folders); err != nil {
			return nil, err
		}
	}
	for _, b := range all {
		f, err := opentype.Parse(b)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
})

func filesIn(folders string) (out [][]byte, err error) {
	for _, folder := range filepath.SplitList(folders) {
		names, err := filepath.Glob(filepath.Join(folder, "*.ttf"))
		if err != nil || len(names) == 0 {
			return nil, fmt.Errorf("no typefaces in %s: %v", folder, err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			out = append(out, b)
		}
	}
	return out, nil
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
		if st.Kind != "identification" {
			out.add(st.Kind, b, func(x, y int) float64 { return float64(st.Cover[(y-st.Top)*st.Width+x-st.Left]) })
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
	faces, err := typefaces()
	if err != nil {
		t.Fatal(err)
	}
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
		if s.add("other typeface", b, func(x, y int) float64 { return cover[y-b.Top][x-b.Left] }) {
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

// add notes a piece of writing where half of it or more can be seen.
func (s *sheet) add(kind string, b burned.Box, cover func(x, y int) float64) bool {
	w, all := text{kind: kind, Box: b}, 0
	for y := b.Top; y < b.Top+b.Height; y++ {
		for x := b.Left; x < b.Left+b.Width; x++ {
			if cover(x, y) < .5 {
				continue
			}
			all++
			if s.seen(b, cover, x, y) {
				w.ink = append(w.ink, y*s.cols+x)
			}
		}
	}
	if all == 0 || 2*len(w.ink) < all {
		return false
	}
	s.texts = append(s.texts, w)
	return true
}

// seen tells whether a pixel stands out from the mean of what is not covered around
// it by a twentieth of the scale: white on white is no writing.
func (s *sheet) seen(b burned.Box, cover func(x, y int) float64, x, y int) bool {
	const reach = 6
	var sum float64
	n := 0
	for v := max(0, y-reach); v <= min(s.rows-1, y+reach); v++ {
		for u := max(0, x-reach); u <= min(s.cols-1, x+reach); u++ {
			if !b.Holds(u, v) || cover(u, v) == 0 {
				sum += float64(s.samples[v*s.cols+u])
				n++
			}
		}
	}
	return n > 0 && math.Abs(sum/float64(n)-float64(s.samples[y*s.cols+x])) > 65535/20
}

// tally counts pieces of writing, what was found of them, and their pixels; and of the pictures
// that are released without a review, the pieces, and those in boxes.
type tally struct{ all, boxed, seen, ink, inked, released, gone int }

// result is what was measured on pictures: pixels of anatomy, how many of them would
// be blanked, and how many of these lie in no rectangle of writing; released are the pictures
// that "blank" releases without a review, and left and lost their anatomy and what is blanked
// of it.
type result struct {
	kinds                     map[string]*tally
	pictures, certain, shown  int
	anatomy, blanked, wrongly int
	released, left, lost      int
}

func (r *result) picture(s sheet, found burned.Findings, trace func(string)) {
	r.pictures++
	if len(found.Writing) > 0 {
		r.certain++
	}
	if len(found.Writing)+len(found.Doubtful) > 0 {
		r.shown++
	}
	for _, w := range s.texts {
		k := r.kinds[w.kind]
		if k == nil {
			k = &tally{}
			r.kinds[w.kind] = k
		}
		in, seen := s.covered(w, found.Writing), s.covered(w, slices.Concat(found.Writing, found.Doubtful))
		k.all++
		k.ink += len(w.ink)
		k.inked += in
		if 100*in >= 95*len(w.ink) {
			k.boxed++
		} else {
			trace(fmt.Sprintf("picture %d, %s %+v: %d and %d of %d pixels", r.pictures-1, w.kind, w.Box, in, seen, len(w.ink)))
		}
		if 2*seen >= len(w.ink) { // enough for whoever looks
			k.seen++
		}
		if !found.Unsure {
			k.released++
			if 100*in >= 95*len(w.ink) {
				k.gone++
			}
		}
	}
	r.fill(s, found)
}

// fill counts the anatomy of a picture and what is blanked of it.
func (r *result) fill(s sheet, found burned.Findings) {
	anatomy, blanked := 0, 0
	for i, a := range s.anatomy {
		if !a {
			continue
		}
		anatomy++
		holds := func(b burned.Box) bool { return b.Holds(i%s.cols, i/s.cols) }
		if slices.ContainsFunc(found.Writing, holds) {
			blanked++
			if !slices.ContainsFunc(s.texts, func(w text) bool { return holds(w.Box) }) {
				r.wrongly++
			}
		}
	}
	r.anatomy += anatomy
	r.blanked += blanked
	if !found.Unsure {
		r.released++
		r.left += anatomy
		r.lost += blanked
	}
}

// wilson is the 95 % interval of Wilson for a share.
func wilson(n, of int) (low, high float64) {
	const z = 1.959964
	all := float64(max(of, 1))
	p := float64(n) / all
	middle, half := p+z*z/(2*all), z*math.Sqrt(p*(1-p)/all+z*z/(4*all*all))
	return (middle - half) / (1 + z*z/all), (middle + half) / (1 + z*z/all)
}

// share writes a share with its interval.
func share(n, of int) string {
	low, high := wilson(n, of)
	return fmt.Sprintf("%d of %d, %.3f (%.3f–%.3f)", n, of, float64(n)/float64(max(of, 1)), low, high)
}

// log writes the figures of docs/export.md.
func (r *result) log(t *testing.T) {
	t.Helper()
	for kind, k := range r.kinds {
		t.Logf("%s: in boxes %s; in boxes or shown %s; %.3f of %d pixels in boxes; in released pictures, in boxes %s",
			kind, share(k.boxed, k.all), share(k.seen, k.all), float64(k.inked)/float64(max(k.ink, 1)), k.ink, share(k.gone, k.released))
	}
	part := func(n, of int) float64 { return float64(n) / float64(max(of, 1)) }
	t.Logf("%d pictures: %d with boxes, %d with something to show; %.5f of anatomy in boxes, %.5f where nothing is written; released %s, %.5f of their anatomy in boxes",
		r.pictures, r.certain, r.shown, part(r.blanked, r.anatomy), part(r.wrongly, r.anatomy), share(r.released, r.pictures), part(r.lost, r.left))
}

// covered is how many pixels of a text's ink lie in boxes.
func (s *sheet) covered(w text, boxes []burned.Box) (n int) {
	for _, i := range w.ink {
		if slices.ContainsFunc(boxes, func(b burned.Box) bool { return b.Holds(i%s.cols, i/s.cols) }) {
			n++
		}
	}
	return n
}

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
	p := pipeline(t)
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
	p := pipeline(t)
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

// markers notes the regions away from the border that a label leaves out; their ink is
// what differs from the grey around by half of the largest difference or more.
func (s *sheet) markers(label []uint8) {
	ignored := make([]uint8, len(label))
	for i, l := range label {
		if l == dataset.Ignore {
			ignored[i] = 1
		}
	}
	g := raster.Connect(ignored, s.rows, s.cols)
	regions := map[int][]int{}
	for i, run := range g.Runs {
		if ignored[g.First(i)] == 0 {
			continue
		}
		for x := int(run.From); x < int(run.To); x++ {
			regions[g.Root(i)] = append(regions[g.Root(i)], int(run.Row)*s.cols+x)
		}
	}
	for _, pixels := range regions {
		b, border := burned.Box{Left: s.cols, Top: s.rows}, false
		right, bottom := 0, 0
		for _, i := range pixels {
			x, y := i%s.cols, i/s.cols
			border = border || x == 0 || y == 0 || x == s.cols-1 || y == s.rows-1
			b.Left, b.Top, right, bottom = min(b.Left, x), min(b.Top, y), max(right, x+1), max(bottom, y+1)
		}
		if b.Width, b.Height = right-b.Left, bottom-b.Top; border || 3000*len(pixels) < len(label) || 20*len(pixels) > len(label) {
			continue
		}
		s.texts = append(s.texts, text{kind: "marker", Box: b, ink: s.standsOut(pixels, b)})
	}
}

func (s *sheet) standsOut(pixels []int, b burned.Box) (ink []int) {
	var around []float32
	for x := b.Left; x < b.Left+b.Width; x++ {
		around = append(around, s.samples[(b.Top-1)*s.cols+x], s.samples[(b.Top+b.Height)*s.cols+x])
	}
	ground, most := raster.Quantiles(around, .5)[0], 0.
	off := func(i int) float64 { return math.Abs(float64(s.samples[i] - ground)) }
	for _, i := range pixels {
		most = max(most, off(i))
	}
	for _, i := range pixels {
		if 2*off(i) >= most {
			ink = append(ink, i)
		}
	}
	return ink
}
