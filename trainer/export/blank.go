package export

import (
	"encoding/binary"
	"slices"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/export/burned"
)

// burnedInAnnotation is (0028,0301).
var burnedInAnnotation = tag.Tag{Group: 0x0028, Element: 0x0301}

func rectangles(boxes []burned.Box) [][4]int {
	out := make([][4]int, len(boxes))
	for i, b := range boxes {
		out[i] = [4]int{b.Left, b.Top, b.Width, b.Height}
	}
	return out
}

// blank fills the boxes with the mean of the pixels around each, in stored values, and marks
// their pixels as not scored.
func blank(p *picture, boxes []burned.Box) {
	p.samples = slices.Clone(p.samples)
	m := p.image
	for _, b := range boxes {
		b = b.Within(m.Rows, m.Columns)
		mean := meanAround(m.Samples, m.Rows, m.Columns, b)
		for y := b.Top; y < b.Top+b.Height; y++ {
			for x := b.Left; x < b.Left+b.Width; x++ {
				p.samples[y*m.Columns+x] = mean
				if p.label != nil {
					p.label[y*m.Columns+x] = dataset.Ignore
				}
			}
		}
	}
}

// meanAround returns the rounded mean of the pixels within three pixels of a box. If the box
// covers the whole image, it returns the mean of the image.
func meanAround(samples []float32, rows, cols int, b burned.Box) float32 {
	outer := burned.Box{Left: b.Left - 3, Top: b.Top - 3, Width: b.Width + 6, Height: b.Height + 6}.Within(rows, cols)
	var sum float64
	n := 0
	for y := outer.Top; y < outer.Top+outer.Height; y++ {
		for x := outer.Left; x < outer.Left+outer.Width; x++ {
			if !b.Holds(x, y) || outer == b {
				sum += float64(samples[y*cols+x])
				n++
			}
		}
	}
	mean := sum / float64(max(n, 1))
	if mean < 0 {
		return float32(int(mean - .5))
	}
	return float32(int(mean + .5))
}

// native stores the samples of p in the object as native pixel data. Compressed pixels are not
// compressed again; Lossy Image Compression (0028,2110) stays.
func native(o *object.Object, p *picture) {
	m := p.image
	value := make([]byte, 0, len(p.samples)*m.BitsAllocated/8+1)
	shift, mask := m.HighBit+1-m.BitsStored, 1<<m.BitsStored-1
	for _, v := range p.samples {
		word := (int(v) & mask) << shift
		if m.BitsAllocated == 8 {
			value = append(value, byte(word))
		} else {
			value = binary.LittleEndian.AppendUint16(value, uint16(word))
		}
	}
	vr := "OW"
	if m.BitsAllocated == 8 {
		vr = "OB"
	}
	o.Put(&object.Element{Tag: object.PixelData, VR: vr, Value: value})
	o.TransferSyntaxUID = uid.ExplicitVRLittleEndian
	if !m.Monochrome() { // grey stored as colour or with a palette
		o.PutText(0x00280004, "CS", "MONOCHROME2")
		for t, v := range map[part10.Tag]int{0x00280002: 1, 0x00280100: m.BitsAllocated, 0x00280101: m.BitsStored, 0x00280102: m.HighBit, 0x00280103: 0} {
			o.Put(&object.Element{Tag: t, VR: "US", Value: binary.LittleEndian.AppendUint16(nil, uint16(v))})
		}
	}
}

// derived sets value 1 of Image Type (PS3.3 C.7.6.1.1.2).
func derived(o *object.Object) {
	if kind := o.Text(0x00080008); len(kind) > 1 {
		kind[0] = "DERIVED"
		o.PutText(0x00080008, "CS", kind...)
	}
}
