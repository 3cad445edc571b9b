package export_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"dicomnode/internal/part10"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
	"dicomnode/trainer/export"
	"dicomnode/trainer/export/review"
)

// overlaid adds an overlay of 8×8 pixels and a text to an object.
func overlaid(o *object.Object) {
	short := func(t part10.Tag, vr string, values ...uint16) {
		e := &object.Element{Tag: t, VR: vr}
		for _, v := range values {
			e.Value = binary.LittleEndian.AppendUint16(e.Value, v)
		}
		o.Put(e)
	}
	short(0x60000010, "US", 8)
	short(0x60000011, "US", 8)
	o.PutText(0x60000040, "CS", "G")
	short(0x60000050, "SS", 1, 1)
	short(0x60000100, "US", 1)
	short(0x60000102, "US", 0)
	o.Put(&object.Element{Tag: 0x60003000, VR: "OW", Value: bytes.Repeat([]byte{0xF0}, 8)})
	o.PutText(0x60004000, "LT", "drawn by Dr. Kanarienfreund")
}

// With the graphics option every picture with an overlay waits for review, the preview shows
// the overlay, and it is kept only after a decision on exactly this overlay.
func TestGraphicsAreReviewed(t *testing.T) {
	source, out := patients(t, 2), filepath.Join(t.TempDir(), "set")
	files, _ := filepath.Glob(filepath.Join(source, "*.dcm"))
	dir := export.ReviewDir(out + ".work")
	opt := options(source, out)
	opt.Formats, opt.Labels, opt.Deidentify.Retain = []export.Format{export.DICOM}, export.None, []profile.Option{profile.Graphics}
	preview := func(overlay bool) (review.Waiting, []byte) {
		t.Helper()
		if overlay {
			for _, f := range files {
				changed(t, f, overlaid)
			}
		}
		opt.ReviewAll = !overlay
		if r, err := export.Run(context.Background(), opt); !errors.Is(err, export.ErrPending) || r.Pending != 2 {
			t.Fatalf("%v, %d pending, want ErrPending and 2", err, r.Pending)
		}
		all, err := review.List(dir)
		if err != nil || len(all) != 2 {
			t.Fatal(all, err)
		}
		b, err := os.ReadFile(filepath.Join(dir, all[0].ID+".png"))
		if err != nil {
			t.Fatal(err)
		}
		return all[0], b
	}
	plain, without := preview(false)
	if plain.Graphics != "" {
		t.Errorf("graphics %q of a picture without", plain.Graphics)
	}
	if err := review.Decide(dir, review.Decision{ID: plain.ID, Verdict: review.Keep, Boxes: plain.Boxes}); err != nil {
		t.Fatal(err)
	}
	first, with := preview(true) // the earlier decision is invalid
	if first.Graphics == "" || bytes.Equal(without, with) {
		t.Error("the page does not show the overlay")
	}
	if err := review.Decide(dir, review.Decision{ID: first.ID, Verdict: review.Keep, Boxes: first.Boxes}); err == nil {
		t.Error("a decision about a picture without its overlay is taken")
	}
	all, _ := review.List(dir)
	for i, w := range all {
		verdict := []review.Verdict{review.Keep, review.Reject}[i]
		if err := review.Decide(dir, review.Decision{ID: w.ID, Verdict: verdict, Boxes: w.Boxes, Graphics: w.Graphics}); err != nil {
			t.Fatal(err)
		}
	}
	if r := run(t, opt); r.Images != 1 || r.Rejected != 1 {
		t.Errorf("%d images, %d rejected, want one each", r.Images, r.Rejected)
	}
	records, err := export.ReadManifest(out)
	if err != nil || len(records) != 1 {
		t.Fatal(records, err)
	}
	for _, r := range records {
		b, err := os.ReadFile(filepath.Join(out, "dicom", r.Patient, r.ID+".dcm"))
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if r.Graphics != "kept" || o.Find(0x60003000) == nil || o.Find(0x60004000) != nil || !bytes.Contains(b, []byte("113103")) {
			t.Errorf("graphics %q: want the overlay without its comment, and the claim", r.Graphics)
		}
	}
}

// An overlay that lies partly outside the image, where no reviewer sees it, is removed; what
// Overlay Data has after the plane is cut.
func TestGraphicsOutsideTheImage(t *testing.T) {
	for _, c := range []struct {
		name       string
		rows, left uint16
		waits      bool
	}{{"inside", 8, 1, true}, {"below", 300, 1, false}, {"to the left", 8, 0xFFFF, false}} {
		source, out := patients(t, 1), filepath.Join(t.TempDir(), "set")
		files, _ := filepath.Glob(filepath.Join(source, "*.dcm"))
		changed(t, files[0], func(o *object.Object) {
			overlaid(o)
			o.Find(0x60000010).Value = binary.LittleEndian.AppendUint16(nil, c.rows)
			o.Find(0x60000050).Value = binary.LittleEndian.AppendUint16([]byte{1, 0}, c.left)
			o.Find(0x60003000).Value = append(bytes.Repeat([]byte{0xF0}, int(c.rows)), "Vogels"...)
		})
		opt := options(source, out)
		opt.Formats, opt.Labels, opt.Deidentify.Retain = []export.Format{export.DICOM}, export.None, []profile.Option{profile.Graphics}
		if _, err := export.Run(context.Background(), opt); errors.Is(err, export.ErrPending) != c.waits {
			t.Fatalf("%s: %v, waits for review: want %v", c.name, err, c.waits)
		}
		dir := export.ReviewDir(out + ".work")
		waiting, _ := review.List(dir)
		for _, w := range waiting {
			if err := review.Decide(dir, review.Decision{ID: w.ID, Verdict: review.Keep, Boxes: w.Boxes, Graphics: w.Graphics}); err != nil {
				t.Fatal(err)
			}
		}
		o, b := exported(t, opt)
		if bytes.Contains(b, []byte("Vogels")) || (o.Find(0x60003000) != nil) != c.waits {
			t.Errorf("%s: overlay kept: %v, text kept: %v", c.name, o.Find(0x60003000) != nil, bytes.Contains(b, []byte("Vogels")))
		}
	}
}
