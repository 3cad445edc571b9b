package simulate

import (
	"bytes"
	"math"
	"testing"
)

func frontal(n int, px, dist float64) camera {
	return camera{u: vec{1}, up: vec{0, 0, 1}, dir: vec{0, 1}, dist: dist, px: px, n: n}
}

// chord is the path of the pixel's ray through a sphere of radius r around the origin.
func chord(c camera, i int, r float64) float64 {
	x := (float64(i%c.n) - float64(c.n)/2 - .123) * c.px
	y := (float64(i/c.n) - float64(c.n)/2 - .077) * c.px
	// The distance of the ray from the centre, for a source at −dist on the axis.
	h := c.dist * math.Hypot(x, y) / math.Sqrt(x*x+y*y+c.dist*c.dist)
	return 2 * math.Sqrt(max(r*r-h*h, 0))
}

func TestThicknessOfSphere(t *testing.T) {
	m := globe(120, 240)
	for i := range m.p {
		m.p[i] = m.p[i].mul(40)
	}
	cam := frontal(100, 1, 900)
	got, worst := shoot(cam, m), 0.0
	for i := range got.v {
		want := chord(cam, i, 40)
		if want > 10 { // at the rim the polyhedron's facets are seen edge-on
			worst = max(worst, math.Abs(float64(got.v[i])-want))
		}
	}
	if worst > .3 {
		t.Errorf("worst error %.3f mm of 80", worst)
	}
}

func TestThicknessOfTube(t *testing.T) {
	m := tube(vec{0, 0, -200}, vec{0, 0, 200}, 40, 200, func(float64) float64 { return 25 })
	cam := frontal(64, 1, 1e7)
	got := shoot(cam, m)
	for x := range 64 {
		d := float64(x) - 32 - .123
		want := 2 * math.Sqrt(max(25*25-d*d, 0))
		if e := math.Abs(float64(got.v[30*64+x]) - want); want > 10 && e > .15 {
			t.Errorf("column %d: error %.3f mm", x, e)
		}
	}
}

func TestSegmentOf(t *testing.T) {
	for name, want := range map[string][2]string{
		"distal phalanx of left big toe": {"left", "t1d"}, "right fifth metacarpal bone": {"right", "mc5"},
		"left first metatarsal bone": {"left", "mt1"}, "tenth thoracic vertebra": {"", "tsp"},
		"left triquetral": {"left", "carpal"}, "right hip bone": {"right", "pelvis"}, "left tenth rib": {"left", "rib"},
		"cervical vertebra": {"", "csp"}, "Mandible": {"", "skull"}, "right tibia": {"right", "tibia"},
	} {
		if side, seg := segmentOf(name); side != want[0] || seg != want[1] {
			t.Errorf("%s: %q %q, want %q", name, side, seg, want)
		}
	}
}

func npyOf(header, data string) []byte {
	return append([]byte("\x93NUMPY\x01\x00"+string(rune(len(header)))+"\x00"+header), data...)
}

func TestReadNPYRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"no magic": []byte("hello world"), "short": npyOf("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", "abc"),
		"pickle":        npyOf("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", ""),
		"huge":          npyOf("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999), }", ""),
		"fortran order": npyOf("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "abcd"),
	} {
		if _, err := readNPY(bytes.NewReader(b)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzReadNPY(f *testing.F) {
	f.Add(npyOf("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }", "abcdefghijkl"))
	f.Add(npyOf("{'descr': '<U2', 'fortran_order': False, 'shape': (1,), }", "a\x00\x00\x00b\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := readNPY(bytes.NewReader(b))
		if err != nil {
			return
		}
		if int64(len(a.data)) != a.bytes() {
			t.Fatalf("%d bytes for %v", len(a.data), a.shape)
		}
		a.points()
		a.ints()
		a.strings()
	})
}

// The shortcuts of distances change no bit.
func TestDistancesAreExact(t *testing.T) {
	d := newDice(1, 9, 0)
	points := func(n int) []vec {
		out := make([]vec, n)
		for i := range out {
			out[i] = vec{d.gauss(0, 50), d.gauss(0, 5), math.Round(d.gauss(0, 20))}
		}
		return out
	}
	for _, n := range []int{1, 31, 32, 33, 1000} {
		from, to := points(500), points(n)
		for i, got := range distances(from, to) {
			best := math.Inf(1)
			for _, q := range to {
				v := q.sub(from[i])
				best = min(best, v.dot(v))
			}
			if want := float32(math.Sqrt(best)); got != want {
				t.Fatalf("%d points: distance %v, want %v", n, got, want)
			}
		}
	}
}
