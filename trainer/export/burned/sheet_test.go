package burned_test

import (
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gosmallcaps"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/export/burned"
	"dicomnode/trainer/simulate/body"
	"dicomnode/trainer/simulate/radiograph"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/view"
)

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
