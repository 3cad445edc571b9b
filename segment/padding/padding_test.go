package padding_test

import (
	"bytes"
	"context"
	"math"
	"slices"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
	"dicomnode/segment/padding"
	"dicomnode/segment/picture"
)

const (
	rows, cols = 300, 260
	clipped    = -1 // air is clipped to the padding value
)

// image has a value at each place, and padding that its header declares.
func image(t *testing.T, signed bool, value func(y, x int) int, declared ...dicomtest.Attribute) *decode.Image {
	t.Helper()
	m := dicomtest.Image{Rows: rows, Columns: cols, Bits: 16, Signed: signed, Photometric: "MONOCHROME2", Extra: declared}
	for i := range rows * cols {
		m.Pixels = append(m.Pixels, value(i/cols, i%cols))
	}
	b := m.Encode(uid.ExplicitVRLittleEndian)
	img, err := decode.Read(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func us(tag uint32, v uint16) dicomtest.Attribute {
	return dicomtest.Attribute{Tag: tag, VR: "US", Value: v}
}

// leg is a limb from top to bottom, displayed: air 100 to 106, soft tissue, bone white.
func leg(y, x int) int {
	off := math.Abs(float64(x) - 130 - 15*math.Sin(float64(y)/40))
	switch width := 50 + 12*math.Sin(float64(y)/25); {
	case off < width/3:
		return 3000
	case off < width:
		return 107 + int(1200*math.Sqrt(1-off/width))
	}
	return 100 + (x*5+y*3)%7
}

func legAt(y, x int) bool { return leg(y, x) > 106 }

// breast is a half ellipse at the left edge.
func breast(y, x int) bool {
	return math.Hypot(float64(y-150)/120, float64(x)/150) < 1
}

// What is padded, and whether it is fill or background, by its shape and value.
func TestKinds(t *testing.T) {
	rectangle := func(y, x int) bool { return y < 30 || y >= 270 || x < 20 || x >= 235 }
	turned := func(y, x int) bool {
		dy, dx := float64(y-150), float64(x-130)
		return math.Abs(dx*0.97+dy*0.26) > 80 || math.Abs(dy*0.97-dx*0.26) > 110
	}
	circle := func(y, x int) bool { return math.Hypot(float64(y-150), float64(x-130)) > 128 }
	stitched := func(y, x int) bool { return y < 150 && x >= 200 || y >= 150 && x < 60 }
	inside := func(y, x int) bool { return y >= 40 && y < 90 && x >= 20 && x < 70 }
	air := func(y, x int) bool { return !legAt(y, x) }
	for _, c := range []struct {
		name    string
		padded  func(y, x int) bool
		value   int // that is stored there
		outside bool
		air     bool
	}{
		{"rectangle", rectangle, 0, true, false},
		{"rectangle, white", rectangle, 65535, true, false},
		{"turned rectangle", turned, 0, true, false},
		{"image intensifier", circle, 0, true, false},
		{"two images stitched", stitched, 0, true, false},
		{"blackened text", inside, 0, true, false},
		{"background air", air, 0, false, true},
		{"background of a breast", func(y, x int) bool { return !breast(y, x) }, 0, false, true},
		{"clipped air, which occurs", air, clipped, false, false},
		{"fill whose value occurs", rectangle, 106, true, false},
	} {
		value := func(y, x int) int {
			if c.padded(y, x) {
				return c.value
			}
			return leg(y, x)
		}
		stored := c.value
		if c.value == clipped { // air to 0, with all values between it and skin
			value = func(y, x int) int { return max(0, leg(y, x)-106) }
			stored = 0
		}
		p := padding.Find(image(t, false, value, us(0x00280120, uint16(stored))))
		if p == nil {
			t.Fatalf("%s: no padding found", c.name)
		}
		n := 0
		for i := range rows * cols {
			if c.padded(i/cols, i%cols) {
				n++
			}
		}
		field := make(picture.Mask, rows*cols)
		for i := range field {
			field[i] = true
		}
		p.Limit(field)
		out := rows*cols - field.Count()
		near := func(have int, want bool) bool {
			return want && have >= n*99/100 && have <= n*101/100 || !want && have == 0
		}
		if !near(out, c.outside) || out != p.Record.Outside || !near(p.Record.Air, c.air) {
			t.Errorf("%s: %+v, %d pixels cut off; %d are padded", c.name, p.Record, out, n)
		}
	}
}

// Values are compared as they are stored: signed, cut to Bits Stored, from and to a limit.
func TestDeclared(t *testing.T) {
	border := func(v int) func(y, x int) int {
		return func(y, x int) int {
			if x < 40 {
				return v - y%3
			}
			return leg(y, x)
		}
	}
	for _, c := range []struct {
		name      string
		signed    bool
		stored    int
		declared  []dicomtest.Attribute
		low, high int
	}{
		{"SS", true, -32766, []dicomtest.Attribute{{Tag: 0x00280120, VR: "SS", Value: int16(-32768)}, {Tag: 0x00280121, VR: "SS", Value: int16(-32766)}}, -32768, -32766},
		{"US of a signed image", true, -2000, []dicomtest.Attribute{us(0x00280120, 65536-2000), us(0x00280121, 65536-2002)}, -2002, -2000},
		{"range, the limit below", false, 65535, []dicomtest.Attribute{us(0x00280120, 65535), us(0x00280121, 60000)}, 60000, 65535},
	} {
		p := padding.Find(image(t, c.signed, border(c.stored), c.declared...))
		if p == nil || p.Record.Low != c.low || p.Record.High != c.high || p.Record.Outside != 40*rows {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
	if p := padding.Find(image(t, false, leg)); p != nil {
		t.Errorf("nothing declared: %+v", p)
	}
	if p := padding.Find(image(t, false, leg, us(0x00280120, 9999))); p != nil {
		t.Errorf("a value that no pixel has: %+v", p)
	}
	if p := padding.Find(image(t, false, func(int, int) int { return 7 }, us(0x00280120, 7))); p == nil || p.Record.Warning == "" || p.Record.Outside != 0 {
		t.Errorf("all padded: %+v, want a warning", p)
	}
}

// Hidden pixels are no numbers; filled ones are dark where they are fill, bright as air.
func TestHideAndFill(t *testing.T) {
	img := image(t, false, func(y, x int) int {
		if x < 40 {
			return 60000
		}
		return leg(y, x)
	}, us(0x00280120, 60000))
	p, pix := padding.Find(img), slices.Clone(img.Samples)
	p.Hide(pix)
	if pix[0] == pix[0] || pix[41] != pix[41] {
		t.Fatalf("hidden %v, shown %v", pix[0], pix[41])
	}
	p.Fill(pix)
	if least := slices.Min(pix); pix[0] != least || least < 100 {
		t.Errorf("fill is %v, the least value %v", pix[0], least)
	}
	var none *padding.Padding
	none.Hide(pix)
	none.Fill(pix)
	none.Limit(make(picture.Mask, len(pix)))
}
