package decode

import "github.com/suyashkumar/dicom/pkg/tag"

// unpack converts a frame's values to samples.
func (m *Image) unpack(v values) ([]float32, error) {
	of := m.meaning(v)
	switch m.Text(tag.PhotometricInterpretation) {
	case "MONOCHROME1", "MONOCHROME2":
		return m.lookUp(v, of)
	case "PALETTE COLOR":
		return m.unpackPalette(v, of)
	}
	return m.unpackGrey(v, of)
}

// lookUp converts an image with one sample per pixel, with a table for all values of one or two
// bytes.
func (m *Image) lookUp(v values, of func(int) int) ([]float32, error) {
	table := make([]float32, 1<<(8*v.bytes))
	for x := range table {
		table[x] = float32(of(x))
	}
	return m.convert(v, func(samples []float32, data []byte) {
		if v.bytes == 1 {
			for i := range samples {
				samples[i] = table[data[i]]
			}
			return
		}
		for i := range samples {
			samples[i] = table[int(data[2*i])|int(data[2*i+1])<<8]
		}
	})
}

// meaning returns the function from stored values to samples: it removes unused high bits,
// including those of an old overlay (PS3.5 8.1.2), and extends the sign. Only the data set has
// the sign and Bits Stored: encoders write 16 bits for 10-bit data, and JPEG and JPEG-LS have
// no sign (PS3.5 8.2).
func (m *Image) meaning(v values) func(int) int {
	shift := m.in.high + 1 - m.in.stored
	if v.precision <= m.in.stored {
		shift = 0 // the codestream contains only the stored bits
	}
	mask, sign := 1<<m.in.stored-1, 0
	if m.in.signed {
		sign = 1 << (m.in.stored - 1)
	}
	of := func(x int) int { return (x>>shift&mask ^ sign) - sign }
	if v.signed {
		// Values with fewer bits than Bits Stored are sign extended first.
		top := 1 << (8*v.bytes - 1)
		plain := of
		of = func(x int) int { return plain((x ^ top) - top) }
	}
	if !v.lossy || m.in.signed != v.signed {
		return of
	}
	// Values that a lossy codec moved out of the range are limited; otherwise they would wrap
	// around.
	low, high, top := 0, mask, 0
	if m.in.signed {
		low, high, top = -sign, sign-1, 1<<(8*v.bytes-1)
	}
	return func(x int) int { return max(low, min(high, ((x^top)-top)>>shift)) }
}
