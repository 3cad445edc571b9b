package augment_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"testing"

	"dicomnode/trainer/augment"
)

func TestSheet(t *testing.T) {
	opt := options(t.TempDir())
	run(t, source(t), opt)
	f := open(t, opt.Out)
	var b bytes.Buffer
	if err := (augment.Sheet{Rows: 3, Columns: 2, Cell: 40}).Write(&b, f); err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Bounds().Size(); got != image.Pt(4*40, 3*55) {
		t.Errorf("sheet of %v", got)
	}
	// The second row is the knee's: its origin is bright where its label is blue,
	// dark where it is green.
	grey := func(x, y int) (r, g, b uint32) { r, g, b, _ = m.At(x, y).RGBA(); return r >> 8, g >> 8, b >> 8 }
	air, _, _ := grey(5, 55+15+10)
	bone, _, _ := grey(28, 55+15+10)
	airRed, _, airBlue := grey(45, 55+15+10)
	_, boneGreen, boneBlue := grey(68, 55+15+10)
	if air < bone+100 || airBlue < airRed+40 || boneGreen < boneBlue+10 {
		t.Errorf("open beam %d, bone %d; under their labels blue %d over red %d, green %d over blue %d", air, bone, airBlue, airRed, boneGreen, boneBlue)
	}
	if err := (augment.Sheet{Rows: 1, Columns: 1, Cell: 4}).Write(&b, f); !errors.Is(err, augment.ErrOptions) {
		t.Errorf("tiny cells: error %v", err)
	}
	f.Items = nil
	if err := augment.DefaultSheet.Write(&b, f); !errors.Is(err, augment.ErrEmpty) {
		t.Errorf("no pictures: error %v", err)
	}
}
