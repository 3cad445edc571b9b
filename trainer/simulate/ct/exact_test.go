package ct

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"dicomnode/internal/raster"
	"dicomnode/trainer/simulate/ct/cttest"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/space"
	"dicomnode/trainer/simulate/view"
)

func across(n int, px, dist float64) space.Camera {
	return space.Camera{Right: space.Vec{1}, Up: space.Vec{0, 0, 1}, Dir: space.Vec{0, 1}, Distance: dist, Pixel: px, Side: n}
}

func cylinder(t *testing.T, g cttest.File) *CT { return cylinderOf(t, g, cttest.CylinderHU) }

// cylinderOf is a cylinder with another radiodensity.
func cylinderOf(t *testing.T, g cttest.File, radiodensity func(space.Vec) float64) *CT {
	t.Helper()
	hu, err := newNIfTI(bytes.NewReader(g.Encode(radiodensity)), false)
	if err != nil {
		t.Fatal(err)
	}
	g.Kind = 2
	label, err := newNIfTI(bytes.NewReader(g.Encode(cttest.CylinderLabel)), false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCT(hu, label, ctRegions["head"])
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// through returns the path of a ray through a cylinder of radius r, from a source at y = −dist
// through the plane point (x, 0, z). stretch is the ray's length per mm of its projection.
func through(x, z, dist, r float64) float64 {
	h := dist * math.Abs(x) / math.Hypot(x, dist)
	return 2 * math.Sqrt(max(r*r-h*h, 0)) * math.Sqrt(1+z*z/(x*x+dist*dist))
}

func TestPathsThroughCylinder(t *testing.T) {
	for name, g := range cttest.Cylinders {
		t.Run(name, func(t *testing.T) {
			c := cylinder(t, g)
			cam := across(80, 1, 900)
			v := c.scans[0].newFan(cam).measure()
			skin, bone, marrow, outside := v.Skin, v.Bone, v.Marrow, v.Outside
			sum, n := map[string]float64{}, map[string]float64{}
			for y := 25; y < 55; y++ {
				for x := range 80 {
					i := y*80 + x
					px, pz := float64(x)-40-.123, -(float64(y) - 40 - .077)
					b, spongy := through(px, pz, 900, cttest.RBone), through(px, pz, 900, cttest.RSpongy)
					m := spongy*(1-cttest.CylinderHU(space.Vec{})/cortexHU) + (b-spongy)*(1-cttest.CylinderHU(space.Vec{cttest.RBone - 1})/cortexHU)
					s := b + (through(px, pz, 900, cttest.RSoft)-b)*(1000+cttest.MuscleHU)/1000
					edge := func(r float64) bool { return math.Abs(math.Abs(px)-r) < 1.5 } // paths change by 10 mm per mm here
					near := func(what string, got float32, want, tolerance float64) {
						if want > 0 {
							sum[what] += float64(got) - want
							n[what]++
						}
						if math.Abs(float64(got)-want) > tolerance { // corners of voxels
							t.Errorf("%s at x=%.1f z=%.1f: %.2f mm, want %.2f", what, px, pz, got, want)
						}
					}
					if !edge(cttest.RSoft) && !edge(cttest.RBone) {
						near("skin", skin.V[i], s, 1.4)
						near("bone", bone.V[i], b, 1.2)
					}
					if !edge(cttest.RBone) && !edge(cttest.RSpongy) {
						near("marrow", marrow.V[i], m, 1.6)
					}
					if outside.V[i] != 0 {
						t.Errorf("x=%.1f z=%.1f counts as not scanned", px, pz)
					}
				}
			}
			// Interpolation at the bone's outer border gives marrow instead of cortex.
			for what, within := range map[string][2]float64{"skin": {-.3, .3}, "bone": {-.3, .3}, "marrow": {-.3, 1}} {
				if e := sum[what] / n[what]; !(e > within[0] && e < within[1]) {
					t.Errorf("%s: mean error %.2f mm of %.0f rays", what, e, n[what])
				}
			}
		})
	}
}

// The label's threshold places the edge of a bone where the bone ends.
func TestEdgesOfCylinder(t *testing.T) {
	for name, g := range cttest.Cylinders {
		cam := across(200, .4, 1e6)
		cam.Centre[2] = .3
		v := cylinder(t, g).scans[0].newFan(cam).measure()
		skin, bone := v.Skin, v.Bone
		width := func(p raster.Plane, above float32) (n float64) {
			for _, x := range p.V[100*200 : 101*200] {
				if x > above {
					n += .4
				}
			}
			return n
		}
		if w := width(bone, .7); math.Abs(w-2*cttest.RBone) > 1 {
			t.Errorf("%s: bone is %.1f mm wide, want %.0f", name, w, 2*cttest.RBone)
		}
		if w := width(skin, .9); math.Abs(w-2*cttest.RSoft) > 1.6 {
			t.Errorf("%s: body is %.1f mm wide, want %.0f", name, w, 2*cttest.RSoft)
		}
	}
}

// Beyond the cut ends the body continues, in a way that is not scored; beside them is air.
func TestCutEndsAreOutside(t *testing.T) {
	for name, g := range cttest.Cylinders {
		f := cylinder(t, g).scans[0].newFan(across(80, 1, 900))
		v := f.measure()
		outside := v.Outside
		for what, p := range map[string]raster.Plane{"skin": v.Skin, "bone": v.Bone} {
			if end, middle := p.V[4*80+40], p.V[40*80+40]; math.Abs(float64(end-middle)) > .15*float64(middle) {
				t.Errorf("%s: %s is %.1f mm beyond the end, %.1f in the middle", name, what, end, middle)
			}
		}
		for _, c := range []struct {
			x, y int
			want float32
		}{{40, 4, 1}, {40, 76, 1}, {20, 4, 1}, {40, 40, 0}, {4, 40, 0}, {4, 4, 0}, {76, 76, 0}} {
			if got := outside.V[c.y*80+c.x]; got != c.want {
				t.Errorf("%s: outside(%d, %d) = %v, want %v", name, c.x, c.y, got, c.want)
			}
		}
	}
}

func TestLoadCT(t *testing.T) {
	g := cttest.Cylinders["slices of 3 mm"]
	for _, name := range []string{"knee.nii.gz", "abdomen_pelvis_7.nii", "neck_of_femur-2.nii.gz"} {
		if _, err := Load(g.Write(t, filepath.Join(t.TempDir(), name), cttest.CylinderHU, cttest.CylinderLabel)); err != nil {
			t.Error(err)
		}
	}
	if _, err := Load(g.Write(t, filepath.Join(t.TempDir(), "kneecap.nii"), cttest.CylinderHU, cttest.CylinderLabel)); err == nil {
		t.Error("accepted a name without a body part")
	}
	alone := g.Write(t, filepath.Join(t.TempDir(), "knee.nii"), cttest.CylinderHU, cttest.CylinderLabel)
	if err := os.Remove(labelBeside(alone)); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(alone); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without labels: %v", err)
	}
	for what, label := range map[string]func(space.Vec) float64{"other labels": func(space.Vec) float64 { return 3 }, "no bone": func(space.Vec) float64 { return 1 }} {
		if _, err := Load(g.Write(t, filepath.Join(t.TempDir(), "knee.nii"), cttest.CylinderHU, label)); !errors.Is(err, ErrNIfTI) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Two touching cylinders are separated; one is not.
func TestLimbsArePaired(t *testing.T) {
	two := func(one func(space.Vec) float64) func(space.Vec) float64 {
		return func(p space.Vec) float64 { return one(space.Vec{math.Abs(p[0]) - 29.6, p[1], p[2]}) }
	}
	dim := [3]int{130, 66, 12}
	g := cttest.File{Dim: dim, Order: binary.LittleEndian, Kind: 4, ToMM: cttest.Centred(dim, cttest.Cubes(1, 1, 3))}
	c, err := Load(g.Write(t, filepath.Join(t.TempDir(), "knee.nii"), two(cttest.CylinderHU), two(cttest.CylinderLabel)))
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
	g = cttest.Cylinders["cubes of 1 mm"]
	if c, err = Load(g.Write(t, filepath.Join(t.TempDir(), "knee.nii"), cttest.CylinderHU, cttest.CylinderLabel)); err != nil || len(c.scans) != 1 {
		t.Errorf("one cylinder: %d scans, %v", len(c.scans), err)
	}
}

// A stretched volume is one scan in other proportions.
func TestStretch(t *testing.T) {
	v := cylinder(t, cttest.Cylinders["cubes of 1 mm"]).scans[0].volume
	before, p := v.toMM, space.Vec{3, 5, 7}
	seen := map[float64]bool{}
	for i := range 50 {
		s := v.stretch(random.New(1, 0, i))
		if d := s.toIndex.At(s.toMM.At(p)).Sub(p).Norm(); d > 1e-9 {
			t.Fatalf("an index comes back %g away", d)
		}
		ratio := s.toMM.Det() / before.Det()
		if ratio < .5 || ratio > 2 {
			t.Errorf("volume times %.2f", ratio)
		}
		seen[ratio] = true
	}
	if len(seen) < 50 || v.toMM != before {
		t.Errorf("%d proportions; the volume itself changed: %v", len(seen), v.toMM != before)
	}
}

// The air of a ray is what its lung and gas lack to muscle, and up to 5 mm where voxels of the skin
// are interpolated with air; outside the body there is none.
func TestAirInCylinder(t *testing.T) {
	g := cttest.Cylinders["cubes of 1 mm"]
	const lungHU = -800
	aerated := cylinderOf(t, g, func(p space.Vec) float64 {
		if v := cttest.CylinderHU(p); v != cttest.MuscleHU {
			return v
		}
		return lungHU
	})
	v := aerated.scans[0].newFan(across(80, 1, 900)).measure()
	solid := cylinder(t, g).scans[0].newFan(across(80, 1, 900)).measure()
	for x := range 80 {
		i, px := 40*80+x, float64(x)-40-.123
		want := through(px, 0, 900, cttest.RSoft) * -lungHU / 1000
		if math.Abs(px) < cttest.RSoft-2 && math.Abs(px) > cttest.RBone+2 && math.Abs(float64(v.Air.V[i]-solid.Air.V[i])-want) > .03*want+1 {
			t.Errorf("x=%.1f: %.1f mm of air, want %.1f", px, v.Air.V[i], want)
		}
		if math.Abs(px) > cttest.RSoft+2 && v.Air.V[i] != 0 || math.Abs(px) < cttest.RSoft-2 && solid.Air.V[i] > 5 {
			t.Errorf("x=%.1f: %.1f mm of air, in muscle %.1f", px, v.Air.V[i], solid.Air.V[i])
		}
	}
}

// Details of limbs are viewed, of trunk and head the whole: the fields of their views are those of
// the table.
func TestFieldsOfCTs(t *testing.T) {
	for name, regions := range ctRegions {
		for _, r := range regions {
			details := 0
			for i := range 200 {
				field := r.camera(space.Vec{}, random.New(1, 4, i)).Pixel * view.MapSize
				if field < r.field[0]-1e-9 {
					details++
				}
				if field > r.field[1]+1e-9 {
					t.Fatalf("%s, %s: a field of %.0f mm, want at most %.0f", name, r.part, field, r.field[1])
				}
			}
			if trunk := view.IsTrunk(r.part); trunk && details > 0 || !trunk && details < 15 {
				t.Errorf("%s, %s: %d of 200 views show a detail", name, r.part, details)
			}
		}
	}
}
