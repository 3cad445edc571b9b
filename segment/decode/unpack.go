package decode

import "github.com/suyashkumar/dicom/pkg/tag"

// unpack turns a frame's values into samples.
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

// lookUp sets each sample of a picture of one sample per pixel, by a table of all values
// that a value's bytes can hold.
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

// meaning is what a stored value stands for: unused high bits, also those an old
// overlay lies in (PS3.5 8.1.2), removed, and sign extended. Only the data set knows of
// sign and Bits Stored: encoders write 16 bits for data of 10, and JPEG and JPEG-LS
// have no sign (PS3.5 8.2).
func (m *Image) meaning(v values) func(int) int {
	shift := m.in.high + 1 - m.in.stored
	if v.precision <= m.in.stored {
		shift = 0 // the codestream holds the stored bits alone
	}
	mask, sign := 1<<m.in.stored-1, 0
	if m.in.signed {
		sign = 1 << (m.in.stored - 1)
	}
	of := func(x int) int { return (x>>shift&mask ^ sign) - sign }
	if v.signed {
		// Fewer bytes than Bits Stored asks for are sign extended first.
		top := 1 << (8*v.bytes - 1)
		plain := of
		of = func(x int) int { return plain((x ^ top) - top) }
	}
	if !v.lossy || m.in.signed != v.signed {
		return of
	}
	// What a lossy codec puts beyond the range would come back at its other end.
	low, high, top := 0, mask, 0
	if m.in.signed {
		low, high, top = -sign, sign-1, 1<<(8*v.bytes-1)
	}
	return func(x int) int { return max(low, min(high, ((x^top)-top)>>shift)) }
}
