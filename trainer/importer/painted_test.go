package importer_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/trainer/dataset"
	"dicomnode/trainer/importer"
)

func palette(t *testing.T, tolerance int, colours ...string) importer.Palette {
	t.Helper()
	p, err := importer.NewPalette(colours[0], colours[1], colours[2], colours[3:], tolerance)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// shapes is the class at a point of a drawing: a bone in a limb before open beam,
// all edges oblique or round.
func shapes(y, x float64) int {
	d := math.Abs((x-40)*0.9 + (y-40)*0.43)
	switch {
	case math.Hypot(x-70, y-15) < 9: // bone with no soft tissue around
		return dataset.Bone
	case d < 9:
		return dataset.Bone
	case d < 22:
		return dataset.SoftTissue
	}
	return dataset.OpenBeam
}

// smooth draws shapes as an image editor does, each pixel a mixture of what it
// covers, of stored values (gamma 1) or of light (gamma 2.2). share is of the
// class that covers most of a pixel.
func smooth(colours [3]color.NRGBA, gamma float64) (m *image.NRGBA, class []uint8, share []float64) {
	const side, n = 90, 8
	m = image.NewNRGBA(image.Rect(0, 0, side, side))
	for i := range side * side {
		var count [3]int
		for k := range n * n {
			count[shapes(float64(i/side)+(float64(k/n)+.5)/n, float64(i%side)+(float64(k%n)+.5)/n)]++
		}
		best := 0
		var sum [3]float64
		for c, v := range count {
			if v > count[best] {
				best = c
			}
			for k, u := range []uint8{colours[c].R, colours[c].G, colours[c].B} {
				sum[k] += float64(v) / (n * n) * math.Pow(float64(u)/255, gamma)
			}
		}
		value := func(k int) uint8 { return uint8(255*math.Pow(sum[k], 1/gamma) + .5) }
		m.SetNRGBA(i%side, i/side, color.NRGBA{value(0), value(1), value(2), 255})
		class, share = append(class, uint8(best)), append(share, float64(count[best])/(n*n))
	}
	return m, class, share
}

func TestAntiAliasedEdges(t *testing.T) {
	for name, c := range map[string]struct {
		names   []string
		colours [3]color.NRGBA
	}{
		"primary": {[]string{"#00f", "#f00", "#0f0"}, [3]color.NRGBA{{0, 0, 255, 255}, {255, 0, 0, 255}, {0, 255, 0, 255}}},
		"paint":   {[]string{"#56b4e9", "#e69f00", "#009e73"}, [3]color.NRGBA{{86, 180, 233, 255}, {230, 159, 0, 255}, {0, 158, 115, 255}}},
		"grey":    {[]string{"#000000", "#808080", "#ffffff"}, [3]color.NRGBA{{0, 0, 0, 255}, {128, 128, 128, 255}, {255, 255, 255, 255}}},
	} {
		for _, gamma := range []float64{1, 2.2} {
			p := palette(t, 4, c.names...)
			m, class, share := smooth(c.colours, gamma)
			label, blended, unknown := p.Resolve(m)
			if len(unknown) > 0 || blended < 100 {
				t.Errorf("%s, gamma %v: %d blended pixels, unknown %+v", name, gamma, blended, unknown)
			}
			wrong := 0
			for i, got := range label.Pix {
				if got != class[i] && share[i] > 0.8 {
					wrong++
				}
			}
			if wrong > 0 {
				t.Errorf("%s, gamma %v: %d pixels that are almost of one class have another", name, gamma, wrong)
			}
		}
	}
}

func TestUnknownColours(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 20, 20))
	for i := range 400 {
		m.SetNRGBA(i%20, i/20, color.NRGBA{0, 0, 255, 255})
		if i%20 > 12 {
			m.SetNRGBA(i%20, i/20, color.NRGBA{255, 0, 3, 255})
		}
	}
	for i := range 25 { // a spot within one colour, and one pixel nothing was painted on
		m.SetNRGBA(3+i%5, 4+i/5, color.NRGBA{10, 200, 30, 255})
	}
	m.SetNRGBA(0, 19, color.NRGBA{})
	p := palette(t, 5, "#0000ff", "#ff0000", "#ffffff")
	label, blended, unknown := p.Resolve(m)
	want := "[{#0ac81e 25 4 3} {transparent 1 19 0}]"
	if fmt.Sprint(unknown) != want || blended != 0 {
		t.Errorf("unknown %v, want %v; %d blended", unknown, want, blended)
	}
	if label.GrayAt(5, 5).Y != dataset.Ignore || label.GrayAt(0, 0).Y != dataset.OpenBeam || label.GrayAt(19, 0).Y != dataset.SoftTissue {
		t.Error("wrong classes")
	}
	p = palette(t, 5, "#0000ff", "#ff0000", "#ffffff", "transparent", "#0ac81e")
	if _, _, unknown := p.Resolve(m); len(unknown) != 0 {
		t.Errorf("ignored colours are unknown: %v", unknown)
	}
}

func TestPaletteRefuses(t *testing.T) {
	for _, c := range []struct {
		tolerance int
		colours   []string
	}{
		{0, []string{"#00f", "#00f", "#0f0"}}, {20, []string{"#101010", "#303030", "#0f0"}}, {-1, []string{"#00f", "#f00", "#0f0"}},
		{0, []string{"blue", "#f00", "#0f0"}}, {0, []string{"#00ff", "#f00", "#0f0"}}, {0, []string{"", "#f00", "#0f0"}},
		{0, []string{"transparent", "#f00", "#0f0"}}, {0, []string{"#00f", "#f00", "#0f0", "#f00"}},
	} {
		if _, err := importer.NewPalette(c.colours[0], c.colours[1], c.colours[2], c.colours[3:], c.tolerance); !errors.Is(err, importer.ErrPalette) {
			t.Errorf("%v, tolerance %d: error %v", c.colours, c.tolerance, err)
		}
	}
}

// work is a folder of images and painted labels.
type work struct {
	t   *testing.T
	dir string
}

func (w work) png(name string, m image.Image) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	file, err := os.Create(path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer file.Close()
	if err := png.Encode(file, m); err != nil {
		w.t.Fatal(err)
	}
}

// pair writes an image with the open beam at the given value, and its label.
func (w work) pair(stem string, air uint8) {
	img := image.NewGray16(image.Rect(0, 0, 9, 4))
	label := image.NewPaletted(img.Rect, color.Palette{color.NRGBA{0, 0, 255, 255}, color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 255, 0, 255}})
	for i := range 36 {
		class := uint8(i % 9 / 3)
		v := int(air) + (128-int(air))*int(class)/2
		img.SetGray16(i%9, i/9, color.Gray16{Y: uint16(v<<8 + i)})
		label.SetColorIndex(i%9, i/9, class)
	}
	w.png("images/"+stem+".png", img)
	w.png("labels/"+stem+".png", label)
}

func (w work) painted() importer.Painted {
	return importer.Painted{Images: filepath.Join(w.dir, "images"), Labels: filepath.Join(w.dir, "labels"), Out: filepath.Join(w.dir, "out"),
		Palette: palette(w.t, 2, "#00f", "#f00", "#0f0"), Source: "painted"}
}

func TestPainted(t *testing.T) {
	w := work{t, t.TempDir()}
	w.pair("hand/a", 250)
	w.pair("b", 3)
	w.png("images/only.png", image.NewGray(image.Rect(0, 0, 2, 2)))
	res, err := w.painted().Run(context.Background(), nil)
	if err != nil || res.Images != 2 || len(res.Notes) != 1 {
		t.Fatalf("result %+v, error %v", res, err)
	}
	f, err := dataset.Open(filepath.Join(w.dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := fmt.Sprint(f.Items); got != "[{b images/b.png labels/b.png  air_dark  false painted []} {hand_a images/hand_a.png labels/hand_a.png hand air_bright  false painted []}]" {
		t.Errorf("rows %s", got)
	}
	p, err := f.Load(f.Items[1])
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range p.Label {
		if l != uint8(i%9/3) {
			t.Errorf("label %d at %d", l, i)
		}
	}
	if want := float32(250<<8+1) / 65535; p.Pix[1] != want {
		t.Errorf("pixel %v, want %v", p.Pix[1], want)
	}
	left, err := filepath.Glob(filepath.Join(w.dir, ".import-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestPaintedProblems(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(w work, p *importer.Painted)
		want  string
	}{
		"size":   {func(w work, _ *importer.Painted) { w.png("labels/a.png", image.NewGray(image.Rect(0, 0, 3, 3))) }, "is 3×3 pixels, its image 9×4"},
		"colour": {func(w work, p *importer.Painted) { p.Palette = palette(t, 0, "#00f", "#f00", "#ff0") }, "12 pixels of unknown colours: #00ff00 12× (first at column 6 row 0)"},
		"orphan": {func(w work, _ *importer.Painted) { w.png("labels/b.png", image.NewGray(image.Rect(0, 0, 9, 4))) }, "b.png: belongs to no image"},
		"JPEG": {func(w work, _ *importer.Painted) {
			os.WriteFile(filepath.Join(w.dir, "labels/a.png"), []byte("\xff\xd8\xff\xe0"), 0o600)
		}, "want PNG or TIFF"},
		"polarity": {func(w work, _ *importer.Painted) {
			m := image.NewNRGBA(image.Rect(0, 0, 9, 4))
			for i := range 36 {
				m.SetNRGBA(i%9, i/9, color.NRGBA{0, 0, 255, 255})
			}
			w.png("labels/a.png", m)
		}, "polarity cannot be found"},
	} {
		t.Run(name, func(t *testing.T) {
			w := work{t, t.TempDir()}
			w.pair("a", 200)
			p := w.painted()
			c.spoil(w, &p)
			res, err := p.Run(context.Background(), nil)
			if !errors.Is(err, importer.ErrProblems) || len(res.Problems) == 0 || !strings.Contains(res.Problems[0].Error(), c.want) {
				t.Errorf("error %v, problems %+v, want %q", err, res, c.want)
			}
			if entries, _ := os.ReadDir(w.dir); len(entries) != 2 {
				t.Errorf("something was written: %v", entries)
			}
		})
	}
}

func TestPaintedOptions(t *testing.T) {
	w := work{t, t.TempDir()}
	w.pair("a", 200)
	p := w.painted()
	p.Palette, p.KeepUnknown, p.BodyPart, p.Polarity = palette(t, 0, "#00f", "#f00", "#ff0"), true, "knee", dataset.AirDark
	if err := os.Rename(filepath.Join(w.dir, "labels/a.png"), filepath.Join(w.dir, "images/a-label.png")); err != nil {
		t.Fatal(err)
	}
	p.Labels, p.LabelSuffix = p.Images, "-label"
	res, err := p.Run(context.Background(), nil)
	if err != nil || res.Images != 1 || len(res.Notes) != 1 {
		t.Fatalf("result %+v, error %v", res, err)
	}
	r, err := dataset.Check(context.Background(), p.Out, 0, nil)
	if err != nil || r.Count(dataset.Wrong) > 0 || r.BodyParts["knee"] != 1 || r.Ignored != 1./3 {
		t.Errorf("report %+v, error %v", r, err)
	}
	if _, err := p.Run(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a second import into the same folder: %v", err)
	}
	p.Images = filepath.Join(w.dir, "none")
	if _, err := p.Run(context.Background(), nil); err == nil {
		t.Error("a folder that does not exist was imported")
	}
}

// A line so thin that no pixel has its own colour is resolved too.
func TestThinLine(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 20, 20))
	for i := range 400 {
		m.SetNRGBA(i%20, i/20, color.NRGBA{0, 0, 255, 255})
		if i%20 == 7 {
			m.SetNRGBA(i%20, i/20, color.NRGBA{153, 99, 102, 255}) // three fifths of soft tissue
		}
	}
	p := palette(t, 8, "#0000ff", "#ffa500", "#00a03c")
	label, blended, unknown := p.Resolve(m)
	if len(unknown) > 0 || blended != 20 || label.GrayAt(7, 9).Y != dataset.SoftTissue || label.GrayAt(8, 9).Y != dataset.OpenBeam {
		t.Errorf("%d blended, unknown %v, class %d", blended, unknown, label.GrayAt(7, 9).Y)
	}
}
