package dataset_test

import (
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/tiff"

	"dicomnode/trainer/dataset"
)

// checked is a folder to break: rows on rows of its table, and its files.
type checked struct {
	t    *testing.T
	dir  string
	rows []string
}

func (c *checked) row(s string) { c.rows = append(c.rows, s) }

func (c *checked) save(name string, encode func(*os.File) error) {
	c.t.Helper()
	file, err := os.Create(filepath.Join(c.dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	defer file.Close()
	if err := encode(file); err != nil {
		c.t.Fatal(err)
	}
}

func (c *checked) png(name string, m image.Image) {
	c.t.Helper()
	c.save(name, func(f *os.File) error { return png.Encode(f, m) })
}

// image is 4×3, open beam bright on the left; k makes its pixels its own.
func (c *checked) image(name string, k uint8) {
	m := image.NewGray(image.Rect(0, 0, 4, 3))
	for i := range m.Pix {
		m.Pix[i] = 200 - 60*uint8(i%4) + k
	}
	c.png(name, m)
}

// label is the image's: columns open beam, soft tissue, bone, last.
func (c *checked) label(name string, last uint8) {
	m := image.NewGray(image.Rect(0, 0, 4, 3))
	for i := range m.Pix {
		m.Pix[i] = []uint8{0, 1, 2, last}[i%4]
	}
	c.png(name, m)
}

// good is a folder of three images without a problem.
func good(t *testing.T) *checked {
	c := &checked{t: t, dir: t.TempDir()}
	for i, split := range []string{"train", "val", "test"} {
		id := string(rune('a' + i))
		c.image(id+".png", uint8(i))
		c.label(id+"l.png", 2)
		c.row(id + "," + id + ".png," + id + "l.png,hand,air_bright," + split + ",0,x,p" + id)
	}
	return c
}

func (c *checked) check() *dataset.Report {
	c.t.Helper()
	write(c.t, c.dir, "id,image,label,body_part,polarity,split,difficult,source,patient\n"+strings.Join(c.rows, "\n")+"\n")
	r, err := dataset.Check(context.Background(), c.dir, 2, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func TestCheckOfGoodFolder(t *testing.T) {
	r := good(t).check()
	if len(r.Problems) > 0 {
		t.Errorf("problems %+v", r.Problems)
	}
	if r.Images != 3 || r.Patients != 3 || r.Splits["val"] != 1 || r.BodyParts["hand"] != 3 || r.Classes != [3]float64{.25, .25, .5} || r.Ignored != 0 {
		t.Errorf("report %+v", r)
	}
}

func TestCheckExplains(t *testing.T) {
	type c = *checked
	for name, k := range map[string]struct {
		spoil    func(c)
		severity dataset.Severity
		want     string
	}{
		"missing image": {func(c c) { c.row("d,gone.png,al.png,hand,air_bright,train,0,x,pd") }, dataset.Wrong, "line 5: d: gone.png is missing"},
		"missing label": {func(c c) { os.Remove(filepath.Join(c.dir, "al.png")) }, dataset.Wrong, "line 2: a: al.png is missing"},
		"size": {func(c c) { c.png("al.png", image.NewGray(image.Rect(0, 0, 3, 4))) }, dataset.Wrong,
			"the image is 4×3 pixels, its label 3×4"},
		"value":       {func(c c) { c.label("al.png", 7) }, dataset.Wrong, "al.png has the unknown values 7 (3 pixels)"},
		"no pixel":    {func(c c) { c.png("al.png", allIgnored()) }, dataset.Wrong, "al.png labels no pixel"},
		"colour":      {func(c c) { c.png("al.png", image.NewRGBA(image.Rect(0, 0, 4, 3))) }, dataset.Wrong, "want an 8-bit grey PNG"},
		"label depth": {func(c c) { c.png("al.png", image.NewGray16(image.Rect(0, 0, 4, 3))) }, dataset.Wrong, "want an 8-bit grey PNG"},
		"label TIFF": {func(c c) {
			c.save("al.png", func(f *os.File) error { return tiff.Encode(f, allIgnored(), nil) })
		}, dataset.Wrong, "unknown picture format: want PNG"},
		"text":        {func(c c) { os.WriteFile(filepath.Join(c.dir, "a.png"), []byte("GIF89a"), 0o600) }, dataset.Wrong, "want PNG or TIFF"},
		"cut off":     {func(c c) { os.Truncate(filepath.Join(c.dir, "a.png"), 40) }, dataset.Wrong, "line 2: a: decode a.png: unexpected EOF"},
		"empty file":  {func(c c) { os.Truncate(filepath.Join(c.dir, "a.png"), 0) }, dataset.Wrong, "line 2: a: decode a.png: EOF"},
		"constant":    {func(c c) { c.png("a.png", image.NewGray(image.Rect(0, 0, 4, 3))) }, dataset.Wrong, "the same value in every pixel"},
		"link":        {func(c c) { relink(c, "a.png", "/etc/hostname") }, dataset.Wrong, "escapes"},
		"outside":     {func(c c) { c.row("d,../a.png,al.png,hand,air_bright,train,0,x,pd") }, dataset.Wrong, `image "../a.png" is not a path inside the folder`},
		"id twice":    {func(c c) { c.row("a,a.png,al.png,hand,air_bright,train,0,x,pa") }, dataset.Wrong, `line 5: id "a" is used on line 2 already`},
		"no id":       {func(c c) { c.row(",a.png,al.png,hand,air_bright,train,0,x,pa") }, dataset.Wrong, "line 5: id is empty"},
		"polarity":    {func(c c) { c.row("d,a.png,al.png,hand,bright,train,0,x,pa") }, dataset.Wrong, `polarity "bright" is neither`},
		"split":       {func(c c) { c.row("d,a.png,al.png,hand,air_dark,trian,0,x,pa") }, dataset.Wrong, `split "trian" is none of`},
		"difficult":   {func(c c) { c.row("d,a.png,al.png,hand,air_dark,train,yes,x,pa") }, dataset.Wrong, `difficult is "yes"`},
		"fields":      {func(c c) { c.row("d,a.png,al.png,hand, left,air_dark,train,0,x,pa") }, dataset.Wrong, "wrong number of fields: 10, the header has 9"},
		"quote":       {func(c c) { c.row(`d,"a"b.png,al.png,hand,air_dark,train,0,x,pa`) }, dataset.Wrong, `line 5: extraneous or missing`},
		"patient":     {func(c c) { c.rows[1] = strings.Replace(c.rows[1], "pb", "pa", 1) }, dataset.Wrong, `patient "pa" is in the splits train and val`},
		"leak":        {func(c c) { c.image("b.png", 0) }, dataset.Wrong, `has the same pixels as "a", but is in val, not in train`},
		"twice":       {func(c c) { c.row("d,a.png,al.png,hand,air_bright,train,0,x,pa") }, dataset.Warning, `has the same pixels as "a"`},
		"label twice": {func(c c) { c.rows[1] = strings.Replace(c.rows[1], "bl.png", "al.png", 1) }, dataset.Warning, `uses the label file of "a"`},
		"turned over": {func(c c) { c.rows[0] = strings.Replace(c.rows[0], "air_bright", "air_dark", 1) }, dataset.Warning, "look air_bright"},
		"empty split": {func(c c) { c.rows = c.rows[:2] }, dataset.Warning, "the split test is empty"},
		"no split":    {func(c c) { c.rows[2] = strings.Replace(c.rows[2], ",test,", ",,", 1) }, dataset.Warning, "1 of 3 images have no split"},
		"class": {func(c c) {
			c.rows = c.rows[:1]
			m := image.NewGray(image.Rect(0, 0, 4, 3))
			m.Pix[0] = 1
			c.png("al.png", m)
		}, dataset.Warning, "no label has a pixel of bone (value 2)"},
		"spelling":     {func(c c) { c.rows[1] = strings.Replace(c.rows[1], "hand", "Hand ", 1) }, dataset.Warning, `the body parts ["Hand " "hand"] differ only`},
		"no body part": {func(c c) { c.rows[1] = strings.Replace(c.rows[1], "hand", "", 1) }, dataset.Warning, "1 of 3 images have no body part"},
		"unused": {func(c c) {
			os.Mkdir(filepath.Join(c.dir, "images"), 0o755)
			c.image("images/z.png", 9)
		}, dataset.Warning, "1 files in images are named by no row, such as images/z.png"},
	} {
		t.Run(name, func(t *testing.T) {
			c := good(t)
			k.spoil(c)
			for _, p := range c.check().Problems {
				if strings.Contains(p.Error(), k.want) && p.Severity == k.severity && p.Hint != "" {
					return
				}
			}
			t.Errorf("want %s %q, have %+v", k.severity, k.want, c.check().Problems)
		})
	}
}

func allIgnored() *image.Gray {
	m := image.NewGray(image.Rect(0, 0, 4, 3))
	for i := range m.Pix {
		m.Pix[i] = dataset.Ignore
	}
	return m
}

func relink(c *checked, name, target string) {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.Remove(path); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		c.t.Fatal(err)
	}
}

// One bad row must not hide the next, nor the pictures of good ones.
func TestCheckGoesOn(t *testing.T) {
	c := good(t)
	c.row("d,../d.png,/dl.png,hand,bright,trian,yes,x,pd")
	c.row("e,gone.png,gone.png,hand,air_dark,train,0,x,pe")
	if n := c.check().Count(dataset.Wrong); n != 7 {
		t.Errorf("%d errors, want 7: %+v", n, c.check().Problems)
	}
}

func TestCheckHeader(t *testing.T) {
	for table, hint := range map[string]string{
		"id;image;label;body_part;polarity;split;difficult;source\n": "commas, not semicolons",
		"id,image,label,body_part,polarity,split,source\n":           "missing: difficult",
		"":     "the first line is id,image",
		header: "add a row",
	} {
		dir := t.TempDir()
		write(t, dir, table)
		r, err := dataset.Check(context.Background(), dir, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Hint, hint) {
			t.Errorf("table %q: problems %+v, want a hint with %q", table, r.Problems, hint)
		}
	}
	r, err := dataset.Check(context.Background(), t.TempDir(), 0, nil)
	if err != nil || len(r.Problems) != 1 || r.Problems[0].What != "there is no dataset.csv" {
		t.Errorf("folder without a table: %+v, %v", r, err)
	}
	if _, err := dataset.Check(context.Background(), filepath.Join(t.TempDir(), "none"), 0, nil); err == nil {
		t.Error("a folder that does not exist was checked")
	}
}

// Spreadsheet programs put a byte order mark in front of UTF-8.
func TestByteOrderMark(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "\xef\xbb\xbf"+header+"a,a.png,l.png,hand,air_dark,validation,1,x\n")
	f, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.Items) != 1 || f.Items[0].Split != dataset.Validation {
		t.Errorf("items %+v", f.Items)
	}
}

// A TIFF gives the same samples as the PNG of the same picture.
func TestTIFF(t *testing.T) {
	c := good(t)
	deep := image.NewGray16(image.Rect(0, 0, 4, 3))
	for i := range 12 {
		deep.SetGray16(i%4, i/4, color.Gray16{Y: uint16(65535 - 5000*i)})
	}
	c.png("d.png", deep)
	for name, o := range map[string]*tiff.Options{"plain.tif": nil, "deflate.tif": {Compression: tiff.Deflate, Predictor: true}} {
		c.save(name, func(f *os.File) error { return tiff.Encode(f, deep, o) })
	}
	write(t, c.dir, header)
	f, err := dataset.Open(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := f.Load(dataset.Item{Image: "d.png", Label: "al.png"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"plain.tif", "deflate.tif"} {
		got, err := f.Load(dataset.Item{Image: name, Label: "al.png"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range want.Pix {
			if got.Pix[i] != want.Pix[i] {
				t.Fatalf("%s: sample %d is %v, want %v", name, i, got.Pix[i], want.Pix[i])
			}
		}
	}
}

func FuzzDecodePicture(f *testing.F) {
	seed := func(encode func(*os.File) error) {
		file, err := os.CreateTemp(f.TempDir(), "seed")
		if err != nil {
			f.Fatal(err)
		}
		defer file.Close()
		if err := encode(file); err != nil {
			f.Fatal(err)
		}
		b, err := os.ReadFile(file.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	m := image.NewGray16(image.Rect(0, 0, 5, 4))
	seed(func(w *os.File) error { return png.Encode(w, m) })
	seed(func(w *os.File) error { return tiff.Encode(w, m, nil) })
	seed(func(w *os.File) error { return tiff.Encode(w, m, &tiff.Options{Compression: tiff.Deflate}) })
	seed(func(w *os.File) error { return jpeg.Encode(w, m, nil) })
	f.Fuzz(func(t *testing.T, b []byte) {
		img, err := dataset.DecodeShown(strings.NewReader(string(b)))
		if err != nil {
			return
		}
		size := img.Bounds().Size()
		if n := len(dataset.Greys(img)); n != size.X*size.Y || n > dataset.MaxPixels {
			t.Errorf("%d samples of %v", n, size)
		}
	})
}
