package ct

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"dicomnode/trainer/simulate/ct/cttest"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/space"
)

func tinyNIfTI(order binary.ByteOrder, kind uint16) []byte {
	dim := [3]int{6, 5, 4}
	g := cttest.File{Dim: dim, Order: order, Kind: kind, ToMM: cttest.Centred(dim, cttest.Cubes(1, 1, 2))}
	return g.Encode(func(p space.Vec) float64 { return 1 })
}

func TestNIfTIRefuses(t *testing.T) {
	o := binary.LittleEndian
	short := func(at int, v uint16) func([]byte) { return func(b []byte) { o.PutUint16(b[at:], v) } }
	float := func(at int, v float64) func([]byte) {
		return func(b []byte) { o.PutUint32(b[at:], math.Float32bits(float32(v))) }
	}
	for name, spoil := range map[string]func([]byte){
		"NIfTI-2":           short(0, 540),
		"two files":         func(b []byte) { copy(b[344:], "ni1\x00") },
		"two dimensions":    short(40, 2),
		"too many":          short(40, 8),
		"negative side":     short(42, 0xffff),
		"huge side":         short(44, 2049),
		"two volumes":       func(b []byte) { o.PutUint16(b[40:], 4); o.PutUint16(b[48:], 2) },
		"complex numbers":   short(70, 32),
		"bits disagree":     short(72, 32),
		"endless slope":     float(112, math.Inf(1)),
		"no intercept":      func(b []byte) { float(112, 2)(b); float(116, math.NaN())(b) },
		"voxels in header":  float(108, 100),
		"voxels far away":   float(108, 1e9),
		"voxels nowhere":    float(108, math.NaN()),
		"metres":            func(b []byte) { b[123] = 1 },
		"no size":           float(280, 0),
		"no place":          float(292, math.NaN()),
		"flat":              func(b []byte) { float(280, 1)(b); float(296, 0)(b); float(284, 1)(b); float(300, 0)(b) },
		"ends in extension": float(108, 1e6),
	} {
		b := tinyNIfTI(o, 4)
		spoil(b)
		if _, err := newNIfTI(bytes.NewReader(b), false); !errors.Is(err, ErrNIfTI) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := newNIfTI(bytes.NewReader(tinyNIfTI(o, 4)), true); !errors.Is(err, ErrNIfTI) {
		t.Errorf("not compressed: %v", err)
	}
}

func TestNIfTIScales(t *testing.T) {
	for _, kind := range []uint16{2, 4, 16} {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			b := tinyNIfTI(order, kind)
			order.PutUint32(b[112:], math.Float32bits(3))
			order.PutUint32(b[116:], math.Float32bits(-10))
			n, err := newNIfTI(bytes.NewReader(b), false)
			if err != nil {
				t.Fatal(err)
			}
			row := make([]float32, 6)
			if err := n.row(row); err != nil || row[5] != -7 {
				t.Errorf("type %d: %v, %v; want −7", kind, row, err)
			}
		}
	}
}

func FuzzCT(f *testing.F) {
	f.Add(tinyNIfTI(binary.LittleEndian, 4), tinyNIfTI(binary.LittleEndian, 2))
	f.Add(tinyNIfTI(binary.BigEndian, 16), tinyNIfTI(binary.LittleEndian, 4))
	dim := [3]int{12, 9, 3}
	g := cttest.File{Dim: dim, Order: binary.LittleEndian, Kind: 4, Qform: true, Quat: [3]float64{.1, .2, .3}, ToMM: cttest.Centred(dim, cttest.Cubes(7, 7, 9))}
	label := g
	label.Kind = 2
	f.Add(g.Encode(cttest.CylinderHU), label.Encode(cttest.CylinderLabel))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		hu, err := newNIfTI(bytes.NewReader(a), false)
		if err != nil {
			return
		}
		label, err := newNIfTI(bytes.NewReader(b), false)
		if err != nil || hu.dim[0]*hu.dim[1] > 1<<16 {
			return
		}
		c, err := newCT(hu, label, ctRegions["foot"])
		if err != nil {
			return
		}
		fan, _ := c.aim(c.regions[0], random.New(1, 1, 0))
		fan.cam.Resize(12)
		v := fan.measure()
		for i, s := range v.Skin.V {
			b, m, air := v.Bone.V[i], v.Marrow.V[i], v.Air.V[i]
			if !(s >= 0 && s < 1e6 && b >= 0 && m >= 0 && m <= b+1e-3 && air >= 0 && air < 1e6) {
				t.Fatalf("paths of %v, %v, %v and %v mm", s, b, m, air)
			}
		}
	})
}
