package outputs_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/configs"
	"dicomnode/dicomnode/outputs"
	"dicomnode/internal/dicomtest"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/segmenttest"
)

var update = flag.Bool("update", false, "write docs/objects.md anew")

const objectsDoc = "../../docs/objects.md"

// complete is a source image that has what can be carried into a result.
func complete(t *testing.T) (*decode.Image, *segment.Result) {
	t.Helper()
	text := func(tag uint32, vr, value string) dicomtest.Attribute {
		return dicomtest.Attribute{Tag: tag, VR: vr, Value: value}
	}
	img, res := segmenttest.Radiograph(t, 64, 48,
		text(0x00080050, "SH", "A1"), text(0x00080070, "LO", "Fictional"), text(0x00080080, "LO", "Nowhere"),
		text(0x00080090, "PN", "Refer^R"), text(0x00081010, "SH", "R1"), text(0x00081030, "LO", "Knee"),
		text(0x00081090, "LO", "Plate"), text(0x00080201, "SH", "+0100"),
		text(0x00100021, "LO", "ISSUER"), text(0x00100030, "DA", "19700101"), text(0x00100040, "CS", "O"),
		text(0x00101010, "AS", "056Y"), text(0x00101020, "DS", "1.7"), text(0x00101030, "DS", "70"),
		text(0x00181000, "LO", "77"), text(0x00181020, "LO", "3.1"), text(0x00181164, "DS", `0.139\0.139`),
		text(0x00200020, "CS", `L\F`), text(0x00200062, "CS", "L"), text(0x00281050, "DS", "2000"), text(0x00281051, "DS", "4000"),
		text(0x00282110, "CS", "01"), text(0x00282112, "DS", "10"), text(0x00282114, "CS", "ISO_10918_1"))
	img.Received = segmenttest.Created
	res.Probabilities = picture.NewGeometry(64, 48).Map(make([]float32, picture.Classes*picture.Side*picture.Side)).Upsampler()
	return img, res
}

// TestObjectsDoc holds docs/objects.md to what is written: every attribute of every form.
func TestObjectsDoc(t *testing.T) {
	var doc strings.Builder
	doc.WriteString(objectsHead)
	for _, o := range []struct{ form, title string }{
		{configs.Binary, "Segmentation, BINARY (`seg`, form `binary`)"},
		{configs.Fractional, "Segmentation, FRACTIONAL (form `fractional`)"},
		{configs.Labelmap, "Label Map Segmentation (form `labelmap`)"},
		{configs.SR, "Comprehensive SR, TID 1500 (`sr`)"},
		{configs.SC, "Secondary Capture (`sc`)"},
		{configs.GSPS, "Grayscale Softcopy Presentation State (`gsps`)"},
	} {
		img, res := complete(t)
		made, err := outputs.New(site(), "1.2", img, res).Make(o.form)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&doc, "\n## %s\n\nSOP Class UID %s.\n\n| attribute | tag | VR |\n|---|---|---|\n", o.title, made.SOPClassUID)
		writeAttributes(t, &doc, made)
	}
	if *update {
		if err := os.WriteFile(objectsDoc, []byte(doc.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(objectsDoc)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), doc.String()); diff != "" {
		t.Errorf("docs/objects.md (-) differs from what is written (+); accept with -update\n%s", diff)
	}
}

const objectsHead = `# Attributes of the objects written

Every attribute that a result can have, of a source image that has everything which is carried over (patient, study and
equipment attributes as the source has them). Written by ` + "`go test ./dicomnode/outputs -update`" + `, and tested to be what is
written. ` + "`>`" + ` stands for a level of sequences. Values are in [seg.md](seg.md) and [viewers.md](viewers.md).
`

// writeAttributes lists each attribute of an object once, in the order of the file.
func writeAttributes(t *testing.T, doc *strings.Builder, o outputs.Object) {
	t.Helper()
	var b bytes.Buffer
	if err := o.Encode(&b); err != nil {
		t.Fatal(err)
	}
	ds, err := dicom.Parse(bytes.NewReader(b.Bytes()), int64(b.Len()), nil, dicom.SkipMetadataReadOnNewParserInit(), dicom.SkipPixelData())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	listAttributes(doc, ds.Elements, "", "", seen)
}

func listAttributes(doc *strings.Builder, elements []*dicom.Element, indent, path string, seen map[string]bool) {
	for _, e := range elements {
		name := keyword(e.Tag)
		// The content items of a report nest like each other: one level stands for all.
		at := path + "/" + name
		if name == "ContentSequence" {
			at = "/ContentSequence"
			indent = strings.TrimSuffix(indent, strings.Repeat(">", strings.Count(indent, ">")))
		}
		if !seen[at] {
			seen[at] = true
			fmt.Fprintf(doc, "| %s%s | (%04X,%04X) | %s |\n", indent, name, e.Tag.Group, e.Tag.Element, e.RawValueRepresentation)
		}
		items, _ := e.Value.GetValue().([]*dicom.SequenceItemValue)
		for _, item := range items {
			nested, _ := item.GetValue().([]*dicom.Element)
			listAttributes(doc, nested, indent+">", at, seen)
		}
	}
}

// keyword names an attribute; the groups of overlays repeat (PS3.5 7.6).
func keyword(t tag.Tag) string {
	if t.Group >= 0x6000 && t.Group <= 0x601e {
		t.Group = 0x6000
	}
	info, err := tag.Find(t)
	if err != nil {
		return "?"
	}
	return info.Keyword
}
