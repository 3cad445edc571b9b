package export

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"

	"golang.org/x/image/tiff"

	"dicomnode/segment"
	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
	"dicomnode/segment/polarity"
	"dicomnode/trainer/dataset"
)

// pictures adds the picture files of p and sets the fields of its record.
func (e *run) pictures(r *Record, p *picture, files map[string][]byte) error {
	pix, chain, how, err := e.values(p)
	if err != nil {
		return err
	}
	r.Chain, r.Polarity = chain, how
	grey := quantise(pix, p.image.Rows, p.image.Columns, chain)
	if e.wants(PNG, Dataset, MONAI, NNUNet) {
		b, err := encodeGrey16(grey)
		if err != nil {
			return err
		}
		if e.wants(PNG, Dataset, MONAI) {
			files["images/"+r.ID+".png"] = b
		}
		if e.wants(NNUNet) {
			files[nnunetFolder+"/imagesTr/"+r.ID+"_0000.png"] = b
		}
	}
	if e.wants(TIFF) {
		var b bytes.Buffer
		if err := tiff.Encode(&b, grey, &tiff.Options{Compression: tiff.Uncompressed}); err != nil {
			return err
		}
		files["tiff/"+r.ID+".tiff"] = b.Bytes()
	}
	return e.labelFiles(r, p, files)
}

func (e *run) wants(formats ...Format) bool {
	return slices.ContainsFunc(formats, func(f Format) bool { return slices.Contains(e.Formats, f) })
}

// labelFiles adds the labels, as drafts or in colours.
func (e *run) labelFiles(r *Record, p *picture, files map[string][]byte) error {
	if p.label == nil || e.Labels == None {
		return nil
	}
	r.Label = &Label{Kind: e.Labels, ModelDigest: p.result.Model.Digest, ConfigDigest: p.result.ConfigDigest}
	add := func(path string, m image.Image) error {
		b, err := encodePNG(m)
		files[path] = b
		return err
	}
	size := image.Rect(0, 0, p.image.Columns, p.image.Rows)
	plain := &image.Gray{Pix: p.label, Stride: p.image.Columns, Rect: size}
	if e.Labels == Colours {
		if err := add("colours/"+r.ID+".png", painted(plain)); err != nil {
			return err
		}
	} else if e.wants(Dataset, MONAI) {
		if err := add("labels/"+r.ID+".png", plain); err != nil {
			return err
		}
	}
	if e.wants(NNUNet) {
		return add(nnunetFolder+"/labelsTr/"+r.ID+".png", nnunetLabel(plain))
	}
	return nil
}

// Palette contains the colours of painted labels in the order of the classes, and last the
// colour of pixels that are not scored. They are the colours for "import-colours".
var Palette = [4]color.RGBA{{0, 0, 255, 255}, {255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 0, 255}}

func painted(label *image.Gray) image.Image {
	out := image.NewPaletted(label.Rect, color.Palette{Palette[0], Palette[1], Palette[2], Palette[3]})
	for i, v := range label.Pix {
		out.Pix[i] = min(v, 3)
	}
	return out
}

// nnunetLabel gives pixels that are not scored the number after the last class: in nnU-Net the
// ignore label must be the highest.
func nnunetLabel(label *image.Gray) *image.Gray {
	out := image.NewGray(label.Rect)
	for i, v := range label.Pix {
		out.Pix[i] = min(v, dataset.Classes)
	}
	return out
}

func encodePNG(m image.Image) ([]byte, error) {
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	err := encoder.Encode(&b, m)
	return b.Bytes(), err
}

// values returns the values of a picture, how they were made, and whether open beam is bright
// or dark. It returns an error if a look-up table cannot be decoded.
func (e *run) values(p *picture) ([]float32, *Chain, string, error) {
	m := *p.image
	m.Samples = p.samples
	canonical := slices.Clone(m.Samples)
	shadow := dark.Correct(&m, canonical, e.Pipeline.Calibration)
	corrected := canonical
	if e.Pixels == Corrected {
		corrected = slices.Clone(canonical)
	}
	sense, err := polarity.Canonical(&m, canonical)
	if err != nil {
		return nil, nil, "", err
	}
	how := dataset.AirBright
	if sense.Inverted && e.Pixels != Canonical {
		how = dataset.AirDark
	}
	chain := &Chain{Pixels: e.Pixels, Scale: 1}
	if m.Signed {
		chain.Offset = float64(int(1) << (m.BitsStored - 1))
	}
	switch e.Pixels {
	case Stored:
		return m.Samples, chain, how, nil
	case Corrected:
		chain.Steps = []string{"dark correction: " + shadow.Method}
		return corrected, chain, how, nil
	}
	chain.Steps = []string{"dark correction: " + shadow.Method, "polarity: " + sense.Case}
	chain.Offset, chain.Scale = fullScale(&m)
	return canonical, chain, how, nil
}

// fullScale returns the offset and scale that map the possible range of canonical values to 16
// bits. They depend on the attributes of the image, not on its values.
func fullScale(m *decode.Image) (offset, scale float64) {
	ends := *m
	ends.Rows, ends.Columns = 1, 2
	low, high := 0.0, float64(int(1)<<m.BitsStored-1)
	if m.Signed {
		low, high = -float64(int(1)<<(m.BitsStored-1)), float64(int(1)<<(m.BitsStored-1)-1)
	}
	pix := []float32{float32(low), float32(high)}
	sense, _ := polarity.Canonical(&ends, pix) // no error, because the same call for the image's own values had none
	from, to := math.Min(float64(pix[0]), float64(pix[1])), math.Max(float64(pix[0]), float64(pix[1]))
	if sense.Log {
		from = 0 // the lower limit of the logarithm depends on the strongest signal; it is never below 1
	}
	if to <= from {
		return -from, 1
	}
	return -from, math.Round(math.MaxUint16/(to-from)*1e9) / 1e9
}

// quantise applies the offset and scale of chain and rounds to 16 bits.
func quantise(pix []float32, rows, cols int, chain *Chain) *image.Gray16 {
	out := image.NewGray16(image.Rect(0, 0, cols, rows))
	for i, v := range pix {
		x := (float64(v)+chain.Offset)*chain.Scale + .5
		if !(x >= 0 && x < math.MaxUint16+1) { // also true for NaN
			chain.Cut++
			x = math.Max(0, math.Min(math.MaxUint16, x))
		}
		binary.BigEndian.PutUint16(out.Pix[2*i:], uint16(x))
	}
	return out
}

// preview returns a small picture for the review page, bone white if the attributes give the
// polarity, with the overlays that may be kept drawn on it.
func preview(p *picture) image.Image {
	pix, _, _, err := (&segment.Pipeline{}).Picture(p.image)
	if err != nil {
		pix = p.image.Samples
	}
	sorted := slices.Clone(pix)
	slices.Sort(sorted)
	low, high := sorted[len(sorted)/1000], sorted[len(sorted)-1-len(sorted)/1000]
	step := max(1, max(p.image.Rows, p.image.Columns)/1000)
	out := image.NewGray(image.Rect(0, 0, p.image.Columns/step, p.image.Rows/step))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			v := (pix[y*step*p.image.Columns+x*step] - low) / max(high-low, 1e-6)
			out.Pix[y*out.Stride+x] = uint8(255 * (1 - max(0, min(1, v))))
			if drawn(p.graphics, x*step, y*step, step) {
				out.Pix[y*out.Stride+x] ^= 0x80
			}
		}
	}
	return out
}
