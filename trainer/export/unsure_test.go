package export_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/export"
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
