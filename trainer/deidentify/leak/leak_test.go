package leak_test

import (
	"bytes"
	"compress/gzip"
	"image"
	"image/png"
	"os"
	"strings"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/leak"
	"dicomnode/trainer/deidentify/object"
)

func original(t part10.Tag, keyword, vr, text string) deidentify.Original {
	return deidentify.Original{Tag: t, Keyword: keyword, VR: vr, Text: text, Raw: []byte(text)}
}

func checker() *leak.Checker {
	var o leak.Originals
	o.Add([]deidentify.Original{
		original(0x00100010, "PatientName", "PN", "Kanárie^Anna Maria"),
		original(0x00100020, "PatientID", "LO", "77123456"),
		original(0x00100030, "PatientBirthDate", "DA", "19570304"),
		original(0x00081030, "StudyDescription", "LO", "Hand"),
		original(0x00100040, "PatientSex", "CS", "F"),
		original(0x0020000D, "StudyInstanceUID", "UI", "1.2.826.0.1.99"),
		original(0x00081010, "StationName", "SH", "Li"),
		original(0x00080081, "InstitutionAddress", "ST", "YYYYYYYY"),
		{Tag: 0x00291010, Keyword: "private", VR: "UN", Raw: []byte("\x01\x02SECRETTEXT\x00")},
	})
	o.Own("2.25.99771234569", "ab77123456ffff00")
	return o.Checker()
}

// Each spelling of a value is found in texts, names and compressed parts.
func TestFound(t *testing.T) {
	c := checker()
	zipped := &bytes.Buffer{}
	w := gzip.NewWriter(zipped)
	_, _ = w.Write([]byte("for ANNA MARIA")) // a buffer takes everything
	_ = w.Close()
	for _, text := range []string{
		"kanarie", "KANÁRIE", "kan\xe1rie", "Kan\u00e1rie^anna maria", "AnnaMaria", "k\x00a\x00n\x00\xe1\x00r\x00i\x00e\x00", "id 77123456.",
		"1957-03-04", "04.03.1957", "4 mar 1957", "03/04/1957", "4.3.1957", "x1.2.826.0.1.99", "secrettext", zipped.String(), "yyyyyyyy",
	} {
		if len(c.File("a.txt", []byte(text))) == 0 {
			t.Errorf("not found in %q", text)
		}
	}
	if len(c.File("maria/1.png", nil)) == 0 {
		t.Error("not found in a file's name")
	}
}

// DICOM's vocabulary, short values and the export's own tokens are no hits in text.
func TestNotFound(t *testing.T) {
	c := checker()
	for _, text := range []string{"body part hand", "F", "Li", "2.25.99771234569", "/ab77123456ffff00.png", "19570305"} {
		if hits := c.File("a.txt", []byte(text)); len(hits) > 0 {
			t.Errorf("%q: %v", text, hits)
		}
	}
}

// In pixel data only hits of eight bytes or more count.
func TestPixels(t *testing.T) {
	c := checker()
	for text, want := range map[string]bool{
		"anna0000": false, "77123456": true, "yyyyyyyyyy": false, "y\x00y\x00y\x00y\x00y\x00y\x00y\x00y\x00": false, "7\x007\x001\x002\x003\x004\x005\x006\x00": true,
	} {
		m := image.NewGray(image.Rect(0, 0, 64, 8))
		copy(m.Pix[64*3+10:], text)
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		if got := len(c.File("a.png", b.Bytes())) > 0; got != want {
			t.Errorf("%q in pixels found: %v, want %v", text, got, want)
		}
	}
}

// Attributes with a short or common value of an original are found in all encodings, also
// nested. The report does not contain the values.
func TestAttributes(t *testing.T) {
	c := checker()
	file, err := os.ReadFile(dicomtest.Shared(t, "dicom", "RG3_Deflated.dcm"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := object.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	clean := c.File("a.dcm", file)
	inner := &object.Set{}
	inner.PutText(0x00081030, "LO", "hand")
	o.Put(&object.Element{Tag: 0x00082218, VR: "SQ", Items: []*object.Set{inner}})
	o.PutText(0x00081010, "SH", "LI")
	var b bytes.Buffer
	if err := o.Write(&b); err != nil {
		t.Fatal(err)
	}
	hits := c.File("a.dcm", b.Bytes())
	if len(hits) != len(clean)+2 {
		t.Errorf("%d hits, want two more than the %d of the file itself: %v", len(hits), len(clean), hits)
	}
	for _, h := range hits {
		if strings.Contains(strings.ToLower(h.String()), "hand") {
			t.Errorf("the report quotes the value: %v", h)
		}
	}
}

// The original itself is full of hits in each of its encodings.
func TestOriginalIsFound(t *testing.T) {
	for _, name := range []string{"RG3_UNC.dcm", "RG3_Deflated.dcm", "RG3_BigEndian.dcm", "RG3_ImplicitLE.dcm", "RG3_J2KR.dcm"} {
		file, err := os.ReadFile(dicomtest.Shared(t, "dicom", name))
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := deidentify.New(deidentify.Options{Key: deidentify.Key{1}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.Object(o)
		if err != nil {
			t.Fatal(err)
		}
		var all leak.Originals
		all.Add(r.Originals)
		d.Claim(r, true)
		var b bytes.Buffer
		if err := r.Object.Write(&b); err != nil {
			t.Fatal(err)
		}
		c := all.Checker()
		if hits := c.File("a.dcm", b.Bytes()); len(hits) > 0 {
			t.Errorf("%s de-identified: %v", name, hits)
		}
		if hits := c.File("a.dcm", file); len(hits) < 5 {
			t.Errorf("%s: %d hits in the original, want many", name, len(hits))
		}
	}
}

// BenchmarkSearch measures the search per byte of text and of pixels (in a TIFF file).
func BenchmarkSearch(b *testing.B) {
	c := checker()
	data := make([]byte, 8<<20)
	for i := range data {
		data[i] = byte(i * 2654435761 >> 13)
	}
	search := func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			c.File("a.bin", data)
		}
	}
	b.Run("text", search)
	copy(data, "II*\x00\x00\x00\x80\x00") // the directory at the end
	b.Run("pixels", search)
}
