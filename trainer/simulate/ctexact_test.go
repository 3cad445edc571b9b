package simulate

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ctFile is a NIfTI file to be written.
type ctFile struct {
	dim   [3]int
	toMM  affine // index to NIfTI's frame: right, front, up
	order binary.ByteOrder
	kind  uint16 // 2, 4 or 16
	qform bool
	quat  [3]float64
}

// encode writes header and voxels; at gives the value at a place in NIfTI's frame.
func (g ctFile) encode(at func(p vec) float64) []byte {
	h := make([]byte, 352)
	o := g.order
	float := func(i int, x float64) { o.PutUint32(h[i:], math.Float32bits(float32(x))) }
	o.PutUint32(h, 348)
	o.PutUint16(h[40:], 3)
	for k := range 3 {
		o.PutUint16(h[42+2*k:], uint16(g.dim[k]))
		float(80+4*k, g.toMM.m[k].norm())
		float(268+4*k, g.toMM.c[k])
		float(256+4*k, g.quat[k])
		for j := range 3 {
			float(280+16*j+4*k, g.toMM.m[k][j])
		}
		float(292+16*k, g.toMM.c[k])
	}
	float(76, 1)
	o.PutUint16(h[70:], g.kind)
	o.PutUint16(h[72:], map[uint16]uint16{2: 8, 4: 16, 16: 32}[g.kind])
	float(108, 352)
	h[123] = 2
	form := 254
	if g.qform {
		form = 252
	}
	o.PutUint16(h[form:], 1)
	copy(h[344:], "n+1\x00")
	for z := range g.dim[2] {
		for y := range g.dim[1] {
			for x := range g.dim[0] {
				v := at(g.toMM.at(vec{float64(x), float64(y), float64(z)}))
				switch g.kind {
				case 2:
					h = append(h, uint8(v))
				case 4:
					h = append(h, 0, 0)
					o.PutUint16(h[len(h)-2:], uint16(int16(v)))
				default:
					h = append(h, 0, 0, 0, 0)
					o.PutUint32(h[len(h)-4:], math.Float32bits(float32(v)))
				}
			}
		}
	}
	return h
}

// centred puts the middle of the volume at the frame's origin.
func centred(dim [3]int, m [3]vec) affine {
	a := affine{m: m}
	a.c = a.turn(vec{float64(dim[0]-1) / 2, float64(dim[1]-1) / 2, float64(dim[2]-1) / 2}).mul(-1)
	return a
}

// A cylinder along z: soft tissue up to 30 mm, bone up to 14 mm, of which up to 8 mm is spongy.
const (
	rSoft, rBone, rSpongy = 30., 14., 8.
	muscleHU, cortexHU    = 50., 1400.
)

func cylinderHU(p vec) float64 {
	switch r := math.Hypot(p[0], p[1]); {
	case r <= rSpongy:
		return 150
	case r <= rBone:
		return cortexHU
	case r <= rSoft:
		return muscleHU
	}
	return -1000
}

func cylinderLabel(p vec) float64 {
	switch r := math.Hypot(p[0], p[1]); {
	case r <= rBone:
		return 2
	case r <= rSoft:
		return 1
	}
	return 0
}

func cylinder(t *testing.T, g ctFile) *CT {
	t.Helper()
	hu, err := newNIfTI(bytes.NewReader(g.encode(cylinderHU)), false)
	if err != nil {
		t.Fatal(err)
	}
	g.kind = 2
	label, err := newNIfTI(bytes.NewReader(g.encode(cylinderLabel)), false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCT(hu, label, ctRegions["head"])
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func cubes(x, y, z float64) [3]vec { return [3]vec{{x}, {0, y}, {0, 0, z}} }

var cylinders = map[string]ctFile{
	"cubes of 1 mm":   {dim: [3]int{72, 70, 60}, order: binary.LittleEndian, kind: 4, toMM: centred([3]int{72, 70, 60}, cubes(1, 1, 1))},
	"slices of 3 mm":  {dim: [3]int{70, 70, 20}, order: binary.LittleEndian, kind: 4, toMM: centred([3]int{70, 70, 20}, cubes(1, 1, 3))},
	"folded":          {dim: [3]int{145, 145, 31}, order: binary.LittleEndian, kind: 16, toMM: centred([3]int{145, 145, 31}, cubes(.5, .5, 2))},
	"mirrored":        {dim: [3]int{72, 70, 60}, order: binary.BigEndian, kind: 4, toMM: centred([3]int{72, 70, 60}, cubes(-1, 1, -1))},
	"axes exchanged":  {dim: [3]int{60, 72, 70}, order: binary.LittleEndian, kind: 4, toMM: centred([3]int{60, 72, 70}, [3]vec{{0, 0, 1}, {1}, {0, 1}})},
	"turned by qform": {dim: [3]int{72, 72, 60}, order: binary.LittleEndian, kind: 4, qform: true, quat: [3]float64{0, 0, math.Sin(math.Pi / 12)}, toMM: centred([3]int{72, 72, 60}, [3]vec{{math.Cos(math.Pi / 6), math.Sin(math.Pi / 6)}, {-math.Sin(math.Pi / 6), math.Cos(math.Pi / 6)}, {0, 0, 1}})},
}

// through is the way of a ray through the plane point (x, 0, z) from a source at y = −dist through a cylinder of
// radius r; stretch is the ray's length per mm of its projection.
func through(x, z, dist, r float64) float64 {
	h := dist * math.Abs(x) / math.Hypot(x, dist)
	return 2 * math.Sqrt(max(r*r-h*h, 0)) * math.Sqrt(1+z*z/(x*x+dist*dist))
}

func TestPathsThroughCylinder(t *testing.T) {
	for name, g := range cylinders {
		t.Run(name, func(t *testing.T) {
			c := cylinder(t, g)
			cam := frontal(80, 1, 900)
			skin, bone, marrow, outside := c.scans[0].newFan(cam).measure()
			sum, n := map[string]float64{}, map[string]float64{}
			for y := 25; y < 55; y++ {
				for x := range 80 {
					i := y*80 + x
					px, pz := float64(x)-40-.123, -(float64(y) - 40 - .077)
					b, m := through(px, pz, 900, rBone), through(px, pz, 900, rSpongy)
					s := b + (through(px, pz, 900, rSoft)-b)*(1000+muscleHU)/1000
					edge := func(r float64) bool { return math.Abs(math.Abs(px)-r) < 1.5 } // there a path changes by 10 mm per mm
					near := func(what string, got float32, want, tolerance float64) {
						if want > 0 {
							sum[what] += float64(got) - want
							n[what]++
						}
						if math.Abs(float64(got)-want) > tolerance { // voxels' corners
							t.Errorf("%s at x=%.1f z=%.1f: %.2f mm, want %.2f", what, px, pz, got, want)
						}
					}
					if !edge(rSoft) && !edge(rBone) {
						near("skin", skin.v[i], s, 1.4)
						near("bone", bone.v[i], b, 1.2)
					}
					if !edge(rBone) && !edge(rSpongy) {
						near("marrow", marrow.v[i], m, 1.6)
					}
					if outside.v[i] != 0 {
						t.Errorf("x=%.1f z=%.1f counts as not scanned", px, pz)
					}
				}
			}
			// The border of marrow is where the radiodensity falls below 350 HU, not midway.
			for what, within := range map[string][2]float64{"skin": {-.3, .3}, "bone": {-.3, .3}, "marrow": {-1.5, .3}} {
				if e := sum[what] / n[what]; !(e > within[0] && e < within[1]) {
					t.Errorf("%s: mean error %.2f mm of %.0f rays", what, e, n[what])
				}
			}
		})
	}
}

// The label's threshold puts the edge of a bone where the bone ends.
func TestEdgesOfCylinder(t *testing.T) {
	for name, g := range cylinders {
		cam := frontal(400, .2, 1e6)
		cam.c[2] = .3
		skin, bone, _, _ := cylinder(t, g).scans[0].newFan(cam).measure()
		width := func(p plane, above float32) (n float64) {
			for _, x := range p.v[200*400 : 201*400] {
				if x > above {
					n += .2
				}
			}
			return n
		}
		if w := width(bone, .7); math.Abs(w-2*rBone) > 1 {
			t.Errorf("%s: bone is %.1f mm wide, want %.0f", name, w, 2*rBone)
		}
		if w := width(skin, .9); math.Abs(w-2*rSoft) > 1.6 {
			t.Errorf("%s: body is %.1f mm wide, want %.0f", name, w, 2*rSoft)
		}
	}
}

// Beyond the cut ends the body goes on, and nobody knows how; beside them is air.
func TestCutEndsAreOutside(t *testing.T) {
	for name, g := range cylinders {
		f := cylinder(t, g).scans[0].newFan(frontal(80, 1, 900))
		_, _, _, outside := f.measure()
		for _, c := range []struct {
			x, y int
			want float32
		}{{40, 4, 1}, {40, 76, 1}, {20, 4, 1}, {40, 40, 0}, {4, 40, 0}, {4, 4, 0}, {76, 76, 0}} {
			if got := outside.v[c.y*80+c.x]; got != c.want {
				t.Errorf("%s: outside(%d, %d) = %v, want %v", name, c.x, c.y, got, c.want)
			}
		}
	}
}

// write makes the files of a CT.
func (g ctFile) write(t *testing.T, path string, hu, label func(vec) float64) string {
	t.Helper()
	for p, at := range map[string]func(vec) float64{path: hu, labelBeside(path): label} {
		b := g.encode(at)
		if strings.HasSuffix(p, ".gz") {
			var z bytes.Buffer
			w := gzip.NewWriter(&z)
			w.Write(b)
			w.Close()
			b = z.Bytes()
		}
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestLoadCT(t *testing.T) {
	g := cylinders["slices of 3 mm"]
	for _, name := range []string{"knee.nii.gz", "abdomen_pelvis_7.nii", "neck_of_femur-2.nii.gz"} {
		if _, err := LoadCT(g.write(t, filepath.Join(t.TempDir(), name), cylinderHU, cylinderLabel)); err != nil {
			t.Error(err)
		}
	}
	if _, err := LoadCT(g.write(t, filepath.Join(t.TempDir(), "kneecap.nii"), cylinderHU, cylinderLabel)); err == nil {
		t.Error("accepted a name without a body part")
	}
	alone := g.write(t, filepath.Join(t.TempDir(), "knee.nii"), cylinderHU, cylinderLabel)
	if err := os.Remove(labelBeside(alone)); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadCT(alone); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without labels: %v", err)
	}
	for what, label := range map[string]func(vec) float64{"other labels": func(vec) float64 { return 3 }, "no bone": func(vec) float64 { return 1 }} {
		if _, err := LoadCT(g.write(t, filepath.Join(t.TempDir(), "knee.nii"), cylinderHU, label)); !errors.Is(err, ErrNIfTI) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Two cylinders that touch are parted; one is not.
func TestLimbsArePaired(t *testing.T) {
	two := func(one func(vec) float64) func(vec) float64 {
		return func(p vec) float64 { return one(vec{math.Abs(p[0]) - 29.6, p[1], p[2]}) }
	}
	dim := [3]int{130, 66, 12}
	g := ctFile{dim: dim, order: binary.LittleEndian, kind: 4, toMM: centred(dim, cubes(1, 1, 3))}
	c, err := LoadCT(g.write(t, filepath.Join(t.TempDir(), "knee.nii"), two(cylinderHU), two(cylinderLabel)))
	if err != nil || len(c.scans) != 3 {
		t.Fatalf("%d scans, %v; want both, left and right", len(c.scans), err)
	}
	for _, s := range c.scans[1:] {
		left := s.side == "left"
		for _, p := range s.bone {
			if (p[0] > 0) != left {
				t.Fatalf("bone of the %s at x=%.0f", s.side, p[0])
			}
		}
	}
	g = cylinders["cubes of 1 mm"]
	if c, err = LoadCT(g.write(t, filepath.Join(t.TempDir(), "knee.nii"), cylinderHU, cylinderLabel)); err != nil || len(c.scans) != 1 {
		t.Errorf("one cylinder: %d scans, %v", len(c.scans), err)
	}
}

// SyntheticCT writes a CT of a cylinder, for tests outside of the package, and returns its path.
func SyntheticCT(t *testing.T, name string) string {
	return cylinders["slices of 3 mm"].write(t, filepath.Join(t.TempDir(), name), cylinderHU, cylinderLabel)
}
