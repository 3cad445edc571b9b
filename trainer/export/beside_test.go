package export_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/export"
)

// exported exports one object as DICOM and returns it, and its bytes.
func exported(t *testing.T, opt export.Options) (*object.Object, []byte) {
	t.Helper()
	opt.Formats = []export.Format{export.DICOM}
	run(t, opt)
	all, err := export.ReadManifest(opt.Out)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	for _, r := range all {
		b, err := os.ReadFile(filepath.Join(opt.Out, "dicom", r.Patient, r.ID+".dcm"))
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		return o, b
	}
	return nil, nil
}

// packed makes the pixels of an object words of 12 bits, in which every third has an overlay in
// bit 15 (PS3.5 8.1.2).
func packed(o *object.Object) {
	var v []byte
	for i, b := range o.Find(object.PixelData).Value {
		w := uint16(b) << 4
		if i%3 == 0 {
			w |= 0x8000
		}
		v = binary.LittleEndian.AppendUint16(v, w)
	}
	o.Put(&object.Element{Tag: object.PixelData, VR: "OW", Value: v})
	for t, n := range map[part10.Tag]uint16{0x00280100: 16, 0x00280101: 12, 0x00280102: 11} {
		o.Put(&object.Element{Tag: t, VR: "US", Value: binary.LittleEndian.AppendUint16(nil, n)})
	}
	o.Put(&object.Element{Tag: 0x60000102, VR: "US", Value: []byte{15, 0}})
}

// rle compresses the pixels of an object as RLE Lossless, in runs of one word's byte.
func rle(o *object.Object) {
	v := o.Find(object.PixelData).Value
	frame := make([]byte, 64)
	for i, high := range []int{1, 0} { // PS3.5 G.2: the most significant byte first
		binary.LittleEndian.PutUint32(frame[4+4*i:], uint32(len(frame)))
		for k := high; k < len(v); k += 2 {
			frame = append(frame, 0, v[k])
		}
	}
	frame[0] = 2
	o.Put(&object.Element{Tag: object.PixelData, VR: "OB", Fragments: [][]byte{{}, frame}})
	o.TransferSyntaxUID = uid.RLELossless
}

// Nothing of Pixel Data is exported but pixels: no overlay in unused bits, no text after the last
// pixel or in a codestream. The samples stay the same.
func TestNothingBesidePixels(t *testing.T) {
	const behind = "Vogels 770000"
	for name, change := range map[string]func(o *object.Object){
		"unused bits":        packed,
		"unused bits in RLE": func(o *object.Object) { packed(o); rle(o) },
		"behind the pixels": func(o *object.Object) {
			e := o.Find(object.PixelData)
			e.Value = append(slices.Clone(e.Value), behind+"\x00"...)
		},
		"behind an RLE frame": func(o *object.Object) {
			packed(o)
			rle(o)
			e := o.Find(object.PixelData)
			e.Fragments[1] = append(e.Fragments[1], behind+"\x00"...)
		},
	} {
		opt := options(patients(t, 1), filepath.Join(t.TempDir(), "set"))
		files, _ := filepath.Glob(filepath.Join(string(opt.Source.(export.Folders)[0]), "*.dcm"))
		changed(t, files[0], change)
		_, b := exported(t, opt)
		if bytes.Contains(b, []byte(behind)) {
			t.Errorf("%s: the text is exported", name)
		}
		if !slices.Equal(samples(t, files[0], nil), samples(t, "", b)) {
			t.Errorf("%s: samples differ", name)
		}
		m, err := decode.Read(t.Context(), bytes.NewReader(b), int64(len(b)), nil)
		if err != nil || m.Unused {
			t.Errorf("%s: unused bits are exported: %v", name, err)
		}
	}
}

// What is compressed and clean stays compressed.
func TestCompressedStays(t *testing.T) {
	opt := options(dicomtest.Shared(t, "dicom", "RG3_RLE.dcm"), filepath.Join(t.TempDir(), "set"))
	if o, _ := exported(t, opt); o.TransferSyntaxUID != uid.RLELossless {
		t.Errorf("transfer syntax %s, want RLE", o.TransferSyntaxUID)
	}
}
