package body

import (
	"bytes"
	"math"
	"testing"

	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/space"
)

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

// The optimisations of distances give identical results.
func TestDistancesAreExact(t *testing.T) {
	d := random.New(1, 9, 0)
	points := func(n int) []space.Vec {
		out := make([]space.Vec, n)
		for i := range out {
			out[i] = space.Vec{d.Gauss(0, 50), d.Gauss(0, 5), math.Round(d.Gauss(0, 20))}
		}
		return out
	}
	for _, n := range []int{1, 31, 32, 33, 1000} {
		from, to := points(500), points(n)
		for i, got := range distances(from, to) {
			best := math.Inf(1)
			for _, q := range to {
				v := q.Sub(from[i])
				best = min(best, v.Dot(v))
			}
			if want := float32(math.Sqrt(best)); got != want {
				t.Fatalf("%d points: distance %v, want %v", n, got, want)
			}
		}
	}
}
