package dataset_test

import (
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/trainer/dataset"
)

const header = "id,image,label,body_part,polarity,split,difficult,source\n"

func write(t *testing.T, dir, table string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, dataset.Table), []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTable(t *testing.T) {
	for name, c := range map[string]struct{ table, want string }{
		"empty":          {"", "read the header"},
		"other header":   {"id,picture\n", "want it to begin with"},
		"columns moved":  {"image,id,label,body_part,polarity,split,difficult,source\n", "want it to begin with"},
		"path outside":   {header + "a,../a.png,l.png,hand,air_bright,,0,x\n", "not a path inside"},
		"path absolute":  {header + "a,a.png,/etc/passwd,hand,air_bright,,0,x\n", "not a path inside"},
		"polarity":       {header + "a,a.png,l.png,hand,bright,,0,x\n", "polarity"},
		"split":          {header + "a,a.png,l.png,hand,air_dark,train2,0,x\n", "split"},
		"difficult":      {header + "a,a.png,l.png,hand,air_dark,,maybe,x\n", "difficult"},
		"repeated id":    {header + "a,a.png,l.png,,air_dark,,0,x\na,b.png,m.png,,air_dark,,0,x\n", "used on line 2"},
		"missing column": {header + "a,a.png\n", "wrong number of fields"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, c.table)
			if _, err := dataset.Open(dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// pictures are a 2×3 image with the sample 100+i at pixel i, and a label.
func pictures() (*image.Gray16, *image.Gray) {
	img, lab := image.NewGray16(image.Rect(0, 0, 3, 2)), image.NewGray(image.Rect(0, 0, 3, 2))
	for i := range 6 {
		img.SetGray16(i%3, i/3, color.Gray16{Y: uint16(10000 * i)})
		lab.Pix[i] = []uint8{0, 1, 2, 255, 0, 1}[i]
	}
	return img, lab
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	w, err := dataset.Create(dir, "note")
	if err != nil {
		t.Fatal(err)
	}
	img, lab := pictures()
	for _, it := range []dataset.Item{
		{ID: "dark", BodyPart: "hand", Polarity: dataset.AirDark, Split: dataset.Train, Difficult: true, Source: "s", Extra: []string{"n"}},
		{ID: "bright", Polarity: dataset.AirBright, Split: dataset.Validation, Extra: []string{""}},
	} {
		if err := w.Add(it, img, lab); err != nil {
			t.Fatal(err)
		}
	}
	for _, it := range []dataset.Item{{ID: "../x", Polarity: dataset.AirBright, Extra: []string{""}}, {ID: "dark", Polarity: dataset.AirBright, Extra: []string{""}}, {ID: "y"}} {
		if err := w.Add(it, img, lab); err == nil {
			t.Errorf("item %+v accepted", it)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := dataset.Create(dir); err == nil {
		t.Error("a second data set in the same folder")
	}
	f, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.Items) != 2 || f.Items[1].Image != "images/dark.png" || !f.Items[1].Difficult || f.ExtraColumns[0] != "note" || f.Items[1].Extra[0] != "n" {
		t.Fatalf("items %+v", f.Items)
	}
	bright, err := f.Load(f.Items[0])
	if err != nil {
		t.Fatal(err)
	}
	dark, err := f.Load(f.Items[1])
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		want, negative := float32(10000*i)/65535, float32(65535-10000*i)/65535
		if bright.Pix[i] != want || dark.Pix[i] != negative || dark.Label[i] != lab.Pix[i] {
			t.Errorf("pixel %d: bright %v, dark %v, label %d", i, bright.Pix[i], dark.Pix[i], dark.Label[i])
		}
	}
	samples, err := f.Preload(context.Background(), f.Items, 2)
	if err != nil {
		t.Fatal(err)
	}
	s := samples[1]
	if s.Item.ID != "dark" || s.Geo.Height != 133 || s.Label[0] != dataset.Ignore || s.Label[33*200] != 0 || s.Label[33*200+199] != 2 {
		t.Errorf("sample %s: geometry %+v", s.Item.ID, s.Geo)
	}
	if s.X[33*200] <= s.X[165*200+199] {
		t.Error("the open beam of an air_dark picture is not bright")
	}
	if dataset.Digest(samples) == dataset.Digest(samples[:1]) {
		t.Error("the digest does not see a missing sample")
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	img, lab := pictures()
	bad := image.NewGray(lab.Rect)
	copy(bad.Pix, lab.Pix)
	bad.Pix[4] = 7
	save := func(name string, m image.Image) {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := png.Encode(f, m); err != nil {
			t.Fatal(err)
		}
	}
	save("i.png", img)
	save("l.png", lab)
	save("bad.png", bad)
	save("small.png", image.NewGray(image.Rect(0, 0, 2, 2)))
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "link.png")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, header)
	f, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for label, want := range map[string]string{
		"bad.png": "value 7 at column 1 row 1", "small.png": "3×2", "i.png": "8-bit", "none.png": "none.png", "link.png": "link.png", "dataset.csv": "decode",
	} {
		_, err := f.Load(dataset.Item{ID: "x", Image: "i.png", Label: label, Polarity: dataset.AirBright})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("label %s: error %v, want one with %q", label, err, want)
		}
	}
}

func FuzzTable(f *testing.F) {
	f.Add(header + "a,images/a.png,labels/a.png,hand,air_dark,train,1,src\n")
	f.Add(header + "\"a\nb\",a.png,l.png,,air_bright,,,\n")
	f.Fuzz(func(t *testing.T, table string) {
		dir := t.TempDir()
		write(t, dir, table)
		d, err := dataset.Open(dir)
		if err != nil {
			return
		}
		defer d.Close()
		for _, it := range d.Items {
			if !filepath.IsLocal(it.Image) || !filepath.IsLocal(it.Label) {
				t.Errorf("path outside the folder: %+v", it)
			}
		}
	})
}
