package classical_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"dicomnode/segment"
	"dicomnode/segment/picture"
	"dicomnode/trainer/compare/classical"
	"dicomnode/trainer/dataset"
)

func TestEveryMethodFindsTheBoneOfALimb(t *testing.T) {
	for _, m := range classical.Defaults().Methods() {
		t.Run(m.Name(), func(t *testing.T) {
			p, truth := limb(200, false, 0, 0.01)
			got := m.Segment(p)
			for k, least := range []float64{0.97, 0.75, 0.75} {
				if h := hit(got, truth, uint8(k)); h < least {
					t.Errorf("%s: %.3f of it found, want %v", dataset.ClassNames[k], h, least)
				}
			}
			if !slices.Equal(got, m.Segment(p)) {
				t.Error("a second run differs")
			}
		})
	}
}

// TestShadeNeedsALocalMethod: along a limb that darkens no two thresholds hold, but
// blocks, contours and rows see only a part of it.
func TestShadeNeedsALocalMethod(t *testing.T) {
	p, truth := limb(200, false, 0.45, 0.005)
	floor := correct(classical.DefaultMultiOtsu().Segment(p), truth)
	for _, m := range []classical.Method{classical.DefaultClustering(), classical.DefaultEntropy(), classical.DefaultRowFluctuation()} {
		if c := correct(m.Segment(p), truth); c < floor+0.02 {
			t.Errorf("%s: %.3f right, two thresholds %.3f", m.Name(), c, floor)
		}
	}
}

// TestRowsSeeNoHorizontalBone holds what the method is known for: only rows count.
func TestRowsSeeNoHorizontalBone(t *testing.T) {
	m := classical.DefaultRowFluctuation()
	p, truth := limb(200, false, 0, 0)
	q, turned := limb(200, true, 0, 0)
	if a, b := hit(m.Segment(p), truth, dataset.Bone), hit(m.Segment(q), turned, dataset.Bone); a < 0.9 || b > 0.1 {
		t.Errorf("bone found: upright %.3f, along the rows %.3f", a, b)
	}
}

func TestDegeneratePictures(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 200}, {200, 1}, {2, 3}, {7, 200}} {
		for name, at := range map[string]func(y, x int) float64{
			"black": func(int, int) float64 { return 0 }, "white": func(int, int) float64 { return 1 },
			"checked": func(y, x int) float64 { return float64((y + x) % 2) },
			"ramp":    func(_, x int) float64 { return float64(x) / 200 },
		} {
			p := classical.Picture{Height: size[0], Width: size[1]}
			for i := range size[0] * size[1] {
				p.V = append(p.V, at(i/size[1], i%size[1]))
			}
			for _, m := range classical.Defaults().Methods() {
				checkClasses(t, m, p, name)
			}
		}
	}
}

func checkClasses(t *testing.T, m classical.Method, p classical.Picture, name string) {
	t.Helper()
	got := m.Segment(p)
	if len(got) != len(p.V) || slices.ContainsFunc(got, func(v uint8) bool { return v >= dataset.Classes }) {
		t.Errorf("%s, %s %d×%d: %v", m.Name(), name, p.Height, p.Width, got)
	}
}

func FuzzSegment(f *testing.F) {
	for _, seed := range [][]byte{{0}, {1, 255, 0}, {3, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {5, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 128, 7, 7, 7, 7}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 2 || len(data) > 2000 {
			return
		}
		w := min(int(data[0])%64+1, len(data)-1)
		p := classical.Picture{Height: (len(data) - 1) / w, Width: w}
		for _, b := range data[1:][:p.Height*w] {
			p.V = append(p.V, float64(b)/255)
		}
		for _, m := range classical.Defaults().Methods() {
			checkClasses(t, m, p, "fuzz")
		}
	})
}

func TestPictureLeavesThePaddingOut(t *testing.T) {
	pix := make([]float32, 40*80)
	for i := range pix {
		pix[i] = float32(i%80) / 79
	}
	x, geo := picture.Canonical(pix, 40, 80)
	p := classical.Input{Gamma: 1}.Picture(x, geo, nil)
	if p.Height != 100 || p.Width != 200 || slices.Min(p.V) != 0 || slices.Max(p.V) != 1 {
		t.Fatalf("%d×%d, %v to %v", p.Height, p.Width, slices.Min(p.V), slices.Max(p.V))
	}
	classes := make([]uint8, len(p.V))
	out := classical.Paste(classes, geo)
	for i, v := range out {
		row := i/classical.Side - geo.Top
		if want := row >= 0 && row < geo.Height; (v == 0) != want || v != 0 && v != dataset.Ignore {
			t.Fatalf("pixel %d is %d, inside: %v", i, v, want)
		}
	}
}

// What is not exposed neither stretches the values nor counts in the histogram; it takes
// the value of the nearest exposed pixel.
func TestPictureLeavesTheUnexposedOut(t *testing.T) {
	const side = 200
	pix := make([]float32, side*side)
	for i := range pix {
		switch x := i % side; {
		case x < 60:
			pix[i] = 0 // a shutter
		case x < 130:
			pix[i] = 900
		case x < 170:
			pix[i] = 750
		default:
			pix[i] = 600
		}
	}
	x, geo := picture.Canonical(pix, side, side)
	in := classical.DefaultInput()
	hidden, err := in.Outside(t.Context(), &segment.Pipeline{}, x, geo)
	if err != nil || hidden == nil || !hidden[100*side+20] || hidden[100*side+90] {
		t.Fatal("the shutter was not found")
	}
	p := in.Picture(x, geo, hidden)
	if p.V[100*side+190] != 0 || p.V[100*side+20] != p.V[100*side+70] || p.V[100*side+20] < 0.5 {
		t.Errorf("darkest exposed %v; in the shutter %v, beside it %v", p.V[100*side+190], p.V[100*side+20], p.V[100*side+70])
	}
	if all, err := (classical.Input{Gamma: 1}).Outside(t.Context(), nil, x, geo); err != nil || all != nil {
		t.Error("a field was searched that nobody asked for")
	}
	in.Gamma = 0.5
	if q := in.Picture(x, geo, hidden); math.Abs(q.V[100*side+150]-math.Sqrt(p.V[100*side+150])) > 1e-9 {
		t.Errorf("gamma ½ makes %v of %v", q.V[100*side+150], p.V[100*side+150])
	}
}

func TestParametersAreChecked(t *testing.T) {
	if err := classical.Defaults().Check(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"two bins":        `{"multi_otsu": {"bins": 2}}`,
		"no block":        `{"clustering": {"block": 0}}`,
		"even window":     `{"entropy": {"window": 4}}`,
		"negative window": `{"entropy": {"window": -5}}`,
		"no gamma":        `{"input": {"gamma": 0}}`,
		"share above 1":   `{"row_fluctuation": {"edge_share": 1.5}}`,
	} {
		p := classical.Defaults()
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatal(err)
		}
		if p.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	c := classical.DefaultClustering()
	if c.MeanTest = math.NaN(); c.Check() == nil {
		t.Error("NaN: accepted")
	}
}

// TestExtremeParameters runs the methods with parameters at the ends of their ranges.
func TestExtremeParameters(t *testing.T) {
	p, _ := limb(40, false, 0, 0.02)
	for _, m := range []classical.Method{
		classical.MultiOtsu{Bins: 3}, classical.MultiOtsu{Bins: 4096},
		classical.Clustering{MeanTest: 0.1, VarianceTest: 0.1, MinRegion: 1, Block: 4},
		classical.Clustering{Smooth: 10, MeanTest: 100, VarianceTest: 1e6, MinRegion: 40000, Block: 200, MinContrast: 1, Refinements: 100},
		classical.Entropy{Window: 3, Levels: 2, Reach: 1, MinPatch: 1},
		classical.Entropy{Window: 31, Levels: 256, Reach: 200, MinPatch: 40000, MinIsland: 40000},
		classical.RowFluctuation{}, classical.RowFluctuation{Smooth: 10, EdgeShare: 1, LowRatio: 1, Recover: 1, Skin: 200},
	} {
		if err := m.Check(); err != nil {
			t.Errorf("%s: %v", m.Name(), err)
		}
		checkClasses(t, m, p, "extreme parameters")
	}
}

func BenchmarkSegment(b *testing.B) {
	p, _ := limb(classical.Side, false, 0.1, 0.01)
	for _, m := range classical.Defaults().Methods() {
		b.Run(m.Name(), func(b *testing.B) {
			for b.Loop() {
				m.Segment(p)
			}
		})
	}
}
