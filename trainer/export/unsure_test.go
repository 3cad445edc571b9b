package export_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"dicomnode/trainer/dataset"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/export"
	"dicomnode/trainer/export/burned"
	"dicomnode/trainer/export/review"
)

// With the policy blank a picture waits for review if its boxes cannot be filled without doubt:
// text over anatomy, or an object that says itself that it contains text.
func TestBlankWhenUnsure(t *testing.T) {
	for name, change := range map[string]func(o *object.Object){
		"text over anatomy":    overAnatomy,
		"Burned In Annotation": func(o *object.Object) { o.PutText(0x00280301, "CS", "YES") },
	} {
		t.Run(name, func(t *testing.T) {
			source, out := patients(t, 1), filepath.Join(t.TempDir(), "set")
			files, err := filepath.Glob(filepath.Join(source, "*.dcm"))
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			opt := options(source, out)
			opt.Formats, opt.BurnedIn = []export.Format{export.PNG}, export.Blank
			changed(t, files[0], change)
			if r, err := export.Run(t.Context(), opt); !errors.Is(err, export.ErrPending) || r.Pending != 1 {
				t.Fatalf("%v, %+v, want one that waits", err, r)
			}
			waiting, err := review.List(export.ReviewDir(out + ".work"))
			if err != nil || len(waiting) != 1 {
				t.Fatal(waiting, err)
			}
			if err := review.Decide(export.ReviewDir(out+".work"), review.Decision{ID: waiting[0].ID, Verdict: review.Keep, Boxes: waiting[0].Boxes}); err != nil {
				t.Fatal(err)
			}
			if r := run(t, opt); r.Images != 1 {
				t.Errorf("%+v, want the picture that was kept", r)
			}
		})
	}
}

// A box that the reviewer has added is filled too, where nothing was found as well.
func TestBlankWhatWasAdded(t *testing.T) {
	source, out := patients(t, 1), filepath.Join(t.TempDir(), "set")
	opt := options(source, out)
	opt.Formats, opt.BurnedIn, opt.ReviewAll = []export.Format{export.Dataset}, export.Quarantine, true
	if r, err := export.Run(t.Context(), opt); !errors.Is(err, export.ErrPending) {
		t.Fatalf("%v, %+v, want one that waits", err, r)
	}
	dir := export.ReviewDir(out + ".work")
	waiting, err := review.List(dir)
	if err != nil || len(waiting) != 1 {
		t.Fatal(waiting, err)
	}
	w, added := waiting[0], burned.Box{Left: 30, Top: 50, Width: 20, Height: 9}
	if w.Width == 0 || w.Height == 0 {
		t.Errorf("%+v, want the size of the picture", w)
	}
	if err := review.Decide(dir, review.Decision{ID: w.ID, Verdict: review.Blank, Boxes: w.Boxes, Fill: []burned.Box{added}}); err != nil {
		t.Fatal(err)
	}
	run(t, opt)
	records, err := export.ReadManifest(out)
	if err != nil || len(records) != 1 {
		t.Fatal(records, err)
	}
	if b := records[w.ID].BurnedIn; b.Done != "blanked" || !b.Reviewed || len(b.Blanked) != len(w.Boxes)+1 || b.Blanked[len(w.Boxes)] != [4]int{30, 50, 20, 9} {
		t.Errorf("%+v, want the box that was added", b)
	}
	set, err := dataset.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	m, err := set.Load(set.Items[0])
	if err != nil {
		t.Fatal(err)
	}
	first := added.Top*m.Cols + added.Left
	for y := added.Top; y < added.Top+added.Height; y++ {
		for i := y*m.Cols + added.Left; i < y*m.Cols+added.Left+added.Width; i++ {
			if m.Pix[i] != m.Pix[first] || m.Label[i] != dataset.Ignore {
				t.Fatalf("pixel %d is %v, label %d, want %v, not scored", i, m.Pix[i], m.Label[i], m.Pix[first])
			}
		}
	}
}

// overAnatomy makes a picture dark, which is anatomy to the predictor thirds, and draws letters
// on it.
func overAnatomy(o *object.Object) {
	const letter = "#..##..######..##..#"
	e := o.Find(object.PixelData)
	rows, cols := int(o.Find(0x00280010).Value[0]), int(o.Find(0x00280011).Value[0])
	white := bytes.Clone(e.Value[:2])
	for i := 0; i+1 < len(e.Value); i += 2 {
		if v := e.Value[i : i+2]; v[1] > white[1] {
			copy(white, v)
		}
	}
	e.Value = bytes.Repeat([]byte{0, 1}, rows*cols)
	for n := range 5 {
		for i := range letter {
			if letter[i] != '#' {
				continue
			}
			for k := range 4 { // two by two pixels
				y, x := 20+i/4*2+k/2, 20+10*n+i%4*2+k%2
				copy(e.Value[2*(y*cols+x):], white)
			}
		}
	}
}
