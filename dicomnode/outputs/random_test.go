package outputs_test

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/configs"
	"dicomnode/dicomnode/outputs"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/seg"
	"dicomnode/segment/segmenttest"
)

var allForms = []string{configs.Binary, configs.Fractional, configs.Labelmap, configs.SR, configs.SC, configs.GSPS}

// headerFields are what a result takes from the header of its source.
var headerFields = []dicomtest.Attribute{
	{Tag: 0x0020000D, VR: "UI"}, {Tag: 0x0020000E, VR: "UI"}, {Tag: 0x00080005, VR: "CS"}, {Tag: 0x00100010, VR: "PN"},
	{Tag: 0x00100020, VR: "LO"}, {Tag: 0x00100030, VR: "DA"}, {Tag: 0x00100040, VR: "CS"}, {Tag: 0x00101010, VR: "AS"},
	{Tag: 0x00080020, VR: "DA"}, {Tag: 0x00080030, VR: "TM"}, {Tag: 0x00080050, VR: "SH"}, {Tag: 0x00080070, VR: "LO"},
	{Tag: 0x00080201, VR: "SH"}, {Tag: 0x00180015, VR: "CS"}, {Tag: 0x00181164, VR: "DS"}, {Tag: 0x00200013, VR: "IS"},
	{Tag: 0x00200020, VR: "CS"}, {Tag: 0x00200052, VR: "UI"}, {Tag: 0x00200060, VR: "CS"}, {Tag: 0x00200062, VR: "CS"},
	{Tag: 0x00280030, VR: "DS"}, {Tag: 0x00281050, VR: "DS"}, {Tag: 0x00281051, VR: "DS"}, {Tag: 0x00281052, VR: "DS"},
	{Tag: 0x00281053, VR: "DS"}, {Tag: 0x00282112, VR: "DS"}, {Tag: 0x20500020, VR: "CS"},
}

// header is an image of rows×cols pixels whose attributes are values, in the order of
// headerFields.
func header(rows, cols int, values []string) dicomtest.Image {
	m := dicomtest.Image{Rows: rows, Columns: cols, Bits: 16, Stored: 12, Photometric: "MONOCHROME2", Pixels: make([]int, rows*cols),
		Extra: []dicomtest.Attribute{{Tag: 0x00080016, VR: "UI", Value: uid.ComputedRadiographyImageStorage},
			{Tag: 0x00080018, VR: "UI", Value: "1.2.3.4.1"}, {Tag: 0x00080060, VR: "CS", Value: "CR"}}}
	for i := range m.Pixels {
		m.Pixels[i] = i % 4096
	}
	for i, v := range values[:min(len(values), len(headerFields))] {
		if a := headerFields[i]; v != "" {
			a.Value = v
			m.Extra = append(m.Extra, a)
		}
	}
	return m
}

// randomResult divides an image among the classes at random, some of it outside the field.
func randomResult(random *rand.Rand, rows, cols int) *segment.Result {
	n := rows * cols
	res := &segment.Result{Rows: rows, Columns: cols, Frames: 1, Frame: 1, Field: make(picture.Mask, n),
		Model: segment.Model{Name: "XNet-16", Version: "1", Digest: "0123456789abcdef"}, ConfigDigest: "c0ffee",
		Masks: segment.Masks{Open: make(picture.Mask, n), Soft: make(picture.Mask, n), Bone: make(picture.Mask, n), HighPrecisionSoft: make(picture.Mask, n)}}
	outside := random.IntN(3)
	for i := range n {
		class := random.IntN(4 + outside)
		res.Field[i] = class < 4
		res.Masks.Open[i], res.Masks.Soft[i], res.Masks.Bone[i] = class == 0, class == 1 || class == 3, class == 2
		res.Masks.HighPrecisionSoft[i] = class == 3
	}
	const side = picture.Side * picture.Side
	p := make([]float32, picture.Classes*side)
	for i := range side {
		a, b := random.Float32(), random.Float32()
		p[i], p[side+i], p[2*side+i] = min(a, b), max(a, b)-min(a, b), 1-max(a, b)
	}
	res.Probabilities = picture.NewGeometry(rows, cols).Map(p).Upsampler()
	return res
}

// read is an image as the node has it, nil where no result would be made of it.
func read(t testing.TB, m dicomtest.Image) *decode.Image {
	b := m.Encode(uid.ExplicitVRLittleEndian)
	img, err := decode.Read(t.Context(), bytes.NewReader(b), int64(len(b)), nil)
	if err != nil || img.Identity() != nil {
		return nil
	}
	img.Received = segmenttest.Created
	return img
}

// FuzzForms: whatever the header of the source says, each form is refused or a valid object,
// and its pixels are the regions.
func FuzzForms(f *testing.F) {
	plain := []string{"1.2.3.4.2", "1.2.3.4.3", "ISO_IR 100", "M\xfcller^J", "T-1", "19700101", "O", "056Y", "20260228", "101112", "A1", "Maker",
		"+0100", "KNEE", `0.2\0.2`, "1", `L\F`, "1.2.3.4.9", "R", "L", `0.2\0.25`, "2000", "4000", "0", "1", "10", "INVERSE"}
	f.Add(uint8(8), uint8(10), uint64(1), strings.Join(plain, "\n"))
	f.Add(uint8(1), uint8(1), uint64(2), "1.2\n1.3")
	f.Add(uint8(37), uint8(45), uint64(3), "1.2\n1.3\n"+`\ISO 2022 IR 149`+"\nKim=\x1b$)C\xb1\xe8\n\xff\n1970\nx\n9\n-\n-\n\x00\nM\n+9900\nknee\n1e400\\0\nNaN\nA\n1..2\nU\nX\n-1\\0\nabc\n\n\n\n\nmirror")
	f.Add(uint8(3), uint8(200), uint64(4), "1.2\n1.3\nISO 2022 IR 999\n\x1b$)E\xb0\xa1^"+strings.Repeat("n", 80)+"\n"+strings.Repeat("9", 99))
	f.Fuzz(func(t *testing.T, rows, cols uint8, seed uint64, text string) {
		r, c := max(1, int(rows)), max(1, int(cols))
		if len(text) > 4000 {
			t.Skip()
		}
		img := read(t, header(r, c, strings.Split(text, "\n")))
		if img == nil {
			return
		}
		res := randomResult(rand.New(rand.NewPCG(seed, 1)), r, c)
		maker := outputs.New(site(), "1.2", img, res)
		for _, form := range allForms {
			o, err := maker.Make(form)
			if err != nil {
				continue
			}
			checkObject(t, o, res)
		}
	})
}

// checkObject reads an object back, strictly.
func checkObject(t *testing.T, o outputs.Object, res *segment.Result) {
	t.Helper()
	var file, data bytes.Buffer
	if err := o.Encode(&data); err != nil {
		t.Fatalf("%s: encode what was made: %v", o.Form, err)
	}
	if err := part10.WriteMeta(&file, part10.Meta{SOPClassUID: o.SOPClassUID, SOPInstanceUID: o.SOPInstanceUID, TransferSyntaxUID: uid.ExplicitVRLittleEndian}); err != nil {
		t.Fatalf("%s: %v", o.Form, err)
	}
	if h, err := part10.Scan(bytes.NewReader(data.Bytes()), uid.ExplicitVRLittleEndian); err != nil || h.Forgiven.Any() || h.SOPInstanceUID != o.SOPInstanceUID || h.StudyInstanceUID == "" || h.SeriesInstanceUID == "" {
		t.Fatalf("%s: %v, forgiven %q", o.Form, err, h.Forgiven)
	}
	file.Write(data.Bytes())
	read, err := part10.Read(file.Bytes())
	if err != nil {
		t.Fatalf("%s: %v", o.Form, err)
	}
	ds, err := decode.Parse(read)
	if err != nil {
		t.Fatalf("%s: %v", o.Form, err)
	}
	checkValues(t, o.Form, ds.Elements)
	checkPixels(t, o, data.Bytes(), res)
}

// passedOn are attributes that a PACS matches by: they are written as the source has them,
// whatever they are.
var passedOn = []tag.Tag{tag.PatientName, tag.PatientID, tag.IssuerOfPatientID, tag.PatientBirthDate, tag.PatientSex, tag.StudyDate,
	tag.StudyTime, tag.AccessionNumber, tag.StudyID, tag.ReferringPhysicianName, tag.StudyInstanceUID, tag.SeriesInstanceUID,
	tag.ReferencedSOPInstanceUID, tag.ReferencedSOPClassUID, tag.SpecificCharacterSet}

// valueOf says what a value of a VR looks like (PS3.5 6.2).
var valueOf = map[string]*regexp.Regexp{
	"UI": regexp.MustCompile(`^[0-9.]{0,64}$`), "CS": regexp.MustCompile(`^[A-Z0-9_ ]{0,16}$`), "DS": regexp.MustCompile(`^ *[-+0-9.eE]{0,16} *$`),
	"IS": regexp.MustCompile(`^ *[-+]?[0-9]{0,12} *$`), "DA": regexp.MustCompile(`^([0-9]{8})?$`), "TM": regexp.MustCompile(`^[0-9.]{0,16} *$`),
	"AS": regexp.MustCompile(`^([0-9]{3}[DWMY])?$`), "SH": regexp.MustCompile(`^[^\x00-\x1a\x1c-\x1f\\]{0,16}$`), "LO": regexp.MustCompile(`^[^\x00-\x1a\x1c-\x1f\\]{0,64}$`),
}

func checkValues(t *testing.T, form string, elements []*dicom.Element) {
	t.Helper()
	for _, e := range elements {
		if items, ok := e.Value.GetValue().([]*dicom.SequenceItemValue); ok {
			for _, item := range items {
				nested, _ := item.GetValue().([]*dicom.Element)
				checkValues(t, form, nested)
			}
		}
		values, _ := e.Value.GetValue().([]string)
		want := valueOf[e.RawValueRepresentation]
		if want == nil || slices.Contains(passedOn, e.Tag) {
			continue
		}
		for _, v := range values {
			if !want.MatchString(strings.TrimRight(v, "\x00 ")) {
				t.Fatalf("%s: %v holds no %s: %q", form, e.Tag, e.RawValueRepresentation, v)
			}
		}
	}
}

// checkPixels compares the pixels, which are the last bytes of the object, with the regions.
func checkPixels(t *testing.T, o outputs.Object, data []byte, res *segment.Result) {
	t.Helper()
	n := res.Rows * res.Columns
	tail := func(size int) []byte { return data[len(data)-size-size%2:] }
	switch o.Form {
	case configs.Binary:
		got, err := seg.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range masksOf(res) {
			for k := range n {
				if got.Set(i, k) != want[k] {
					t.Fatalf("binary: segment %d, pixel %d is %v", i+1, k, got.Set(i, k))
				}
			}
		}
	case configs.Labelmap:
		for k, label := range tail(n)[:n] {
			for i, m := range masksOf(res)[:picture.Classes] {
				if m[k] != (int(label) == i+1) {
					t.Fatalf("labelmap: pixel %d is %d", k, label)
				}
			}
		}
	case configs.Fractional:
		row := picture.NewRow(res.Columns)
		pixels := tail(picture.Classes * n)
		for r := range res.Rows {
			res.Probabilities.Row(r, row)
			for c := range res.Columns {
				for class := range row {
					k := r*res.Columns + c
					want := 0.0
					if res.Field[k] {
						want = float64(row[class][c]) * 255
					}
					if got := float64(pixels[class*n+k]); got-want > 0.501 || want-got > 0.501 {
						t.Fatalf("fractional: class %d, pixel %d is %v, want %.2f", class, k, got, want)
					}
				}
			}
		}
	}
}

func masksOf(res *segment.Result) []picture.Mask {
	return []picture.Mask{res.Masks.Open, res.Masks.Soft, res.Masks.Bone, res.Masks.HighPrecisionSoft}
}
