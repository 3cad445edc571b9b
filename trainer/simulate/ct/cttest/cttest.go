// Package cttest writes small labelled CTs of a known body, a cylinder, for tests.
package cttest

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/trainer/simulate/space"
)

// File describes a NIfTI file to write.
type File struct {
	Dim   [3]int       // voxels
	ToMM  space.Affine // index to NIfTI's frame: right, front, up
	Order binary.ByteOrder
	Kind  uint16     // data type 2, 4 or 16
	Qform bool       // write the orientation as a quaternion only
	Quat  [3]float64 // its b, c, d; must match ToMM
}

// Encode encodes header and voxels; at returns the value at a point in NIfTI's frame.
func (g File) Encode(at func(p space.Vec) float64) []byte {
	h := make([]byte, 352)
	o := g.Order
	float := func(i int, x float64) { o.PutUint32(h[i:], math.Float32bits(float32(x))) }
	o.PutUint32(h, 348)
	o.PutUint16(h[40:], 3)
	for k := range 3 {
		o.PutUint16(h[42+2*k:], uint16(g.Dim[k]))
		float(80+4*k, g.ToMM.Axes[k].Norm())
		float(268+4*k, g.ToMM.Origin[k])
		float(256+4*k, g.Quat[k])
		for j := range 3 {
			float(280+16*j+4*k, g.ToMM.Axes[k][j])
		}
		float(292+16*k, g.ToMM.Origin[k])
	}
	float(76, 1)
	o.PutUint16(h[70:], g.Kind)
	o.PutUint16(h[72:], map[uint16]uint16{2: 8, 4: 16, 16: 32}[g.Kind])
	float(108, 352)
	h[123] = 2
	form := 254
	if g.Qform {
		form = 252
	}
	o.PutUint16(h[form:], 1)
	copy(h[344:], "n+1\x00")
	for z := range g.Dim[2] {
		for y := range g.Dim[1] {
			for x := range g.Dim[0] {
				v := at(g.ToMM.At(space.Vec{float64(x), float64(y), float64(z)}))
				switch g.Kind {
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

// Centred returns the map for a volume whose middle is at the frame's origin.
func Centred(dim [3]int, m [3]space.Vec) space.Affine {
	a := space.Affine{Axes: m}
	a.Origin = a.Turn(space.Vec{float64(dim[0]-1) / 2, float64(dim[1]-1) / 2, float64(dim[2]-1) / 2}).Mul(-1)
	return a
}

// A cylinder along z: soft tissue up to a radius of 30 mm, bone up to 14 mm, spongy up to 8 mm.
const (
	RSoft, RBone, RSpongy = 30., 14., 8.
	MuscleHU, cortexHU    = 50., 1400.
)

// CylinderHU returns the radiodensity at a point.
func CylinderHU(p space.Vec) float64 {
	switch r := math.Hypot(p[0], p[1]); {
	case r <= RSpongy:
		return 150
	case r <= RBone:
		return cortexHU
	case r <= RSoft:
		return MuscleHU
	}
	return -1000
}

// CylinderLabel returns 0 outside, 1 in soft tissue, 2 in bone.
func CylinderLabel(p space.Vec) float64 {
	switch r := math.Hypot(p[0], p[1]); {
	case r <= RBone:
		return 2
	case r <= RSoft:
		return 1
	}
	return 0
}

// Cubes returns the axes of voxels of x×y×z mm.
func Cubes(x, y, z float64) [3]space.Vec { return [3]space.Vec{{x}, {0, y}, {0, 0, z}} }

// Cylinders are files of the cylinder on several kinds of grids.
var Cylinders = map[string]File{
	"cubes of 1 mm":   {Dim: [3]int{72, 70, 60}, Order: binary.LittleEndian, Kind: 4, ToMM: Centred([3]int{72, 70, 60}, Cubes(1, 1, 1))},
	"slices of 3 mm":  {Dim: [3]int{70, 70, 20}, Order: binary.LittleEndian, Kind: 4, ToMM: Centred([3]int{70, 70, 20}, Cubes(1, 1, 3))},
	"folded":          {Dim: [3]int{145, 145, 31}, Order: binary.LittleEndian, Kind: 16, ToMM: Centred([3]int{145, 145, 31}, Cubes(.5, .5, 2))},
	"mirrored":        {Dim: [3]int{72, 70, 60}, Order: binary.BigEndian, Kind: 4, ToMM: Centred([3]int{72, 70, 60}, Cubes(-1, 1, -1))},
	"axes exchanged":  {Dim: [3]int{60, 72, 70}, Order: binary.LittleEndian, Kind: 4, ToMM: Centred([3]int{60, 72, 70}, [3]space.Vec{{0, 0, 1}, {1}, {0, 1}})},
	"turned by qform": {Dim: [3]int{72, 72, 60}, Order: binary.LittleEndian, Kind: 4, Qform: true, Quat: [3]float64{0, 0, math.Sin(math.Pi / 12)}, ToMM: Centred([3]int{72, 72, 60}, [3]space.Vec{{math.Cos(math.Pi / 6), math.Sin(math.Pi / 6)}, {-math.Sin(math.Pi / 6), math.Cos(math.Pi / 6)}, {0, 0, 1}})},
}

// Write writes the two files of a CT, compressed if the path ends in .gz, and returns path. hu
// and label return the values at a point in NIfTI's frame.
func (g File) Write(t *testing.T, path string, hu, label func(space.Vec) float64) string {
	t.Helper()
	for p, at := range map[string]func(space.Vec) float64{path: hu, strings.Replace(path, ".nii", "_label.nii", 1): label} {
		b := g.Encode(at)
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

// Synthetic writes a CT of the cylinder to a temporary folder and returns its path.
func Synthetic(t *testing.T, name string) string {
	return Cylinders["slices of 3 mm"].Write(t, filepath.Join(t.TempDir(), name), CylinderHU, CylinderLabel)
}
