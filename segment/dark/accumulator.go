package dark

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"dicomnode/internal/raster"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

// magic begins a calibration file; it has the version of the format.
const magic = "DICOMNODE DARK 1"

const (
	maxHeader = 1 << 20
	maxFrames = 1024 // of a detector; their identifiers must fit the header
)

// accumulator is the contents of a calibration file: running statistics, so that frames can be
// added one at a time.
type accumulator struct {
	Key         Key
	Dark, Flood series
	Seen        []string // SHA-256 of the added frames, hexadecimal
}

// series are running statistics per pixel: Welford's mean and squared deviations, and the
// extremes, which the trimmed mean leaves out.
type series struct {
	N                     int
	mean, m2, least, most []float32
}

// take adds a frame, unless its pixels were added before.
func (a *accumulator) take(flood bool, pix []float32) (changed bool, err error) {
	h := sha256.New()
	fmt.Fprint(h, flood, "\n")
	_ = binary.Write(h, binary.LittleEndian, pix) // a hash never fails
	id := hex.EncodeToString(h.Sum(nil))
	if slices.Contains(a.Seen, id) {
		return false, nil
	}
	if len(a.Seen) >= maxFrames {
		return false, fmt.Errorf("%w: the detector has %d frames, more add nothing", decode.ErrUnsupported, len(a.Seen))
	}
	a.Seen = append(a.Seen, id)
	if flood {
		a.Flood.add(pix)
	} else {
		a.Dark.add(pix)
	}
	return true, nil
}

func (s *series) add(pix []float32) {
	if s.N++; s.N == 1 {
		s.mean, s.least, s.most = slices.Clone(pix), slices.Clone(pix), slices.Clone(pix)
		s.m2 = make([]float32, len(pix))
		return
	}
	for i, v := range pix {
		d := v - s.mean[i]
		s.mean[i] += d / float32(s.N)
		s.m2[i] += d * (v - s.mean[i])
		s.least[i], s.most[i] = min(s.least[i], v), max(s.most[i], v)
	}
}

// trimmed is the mean without the smallest and largest value, if there are three frames or
// more.
func (s *series) trimmed() []float32 {
	out := slices.Clone(s.mean)
	if s.N >= 3 {
		n := float64(s.N)
		for i, v := range out {
			out[i] = float32((float64(v)*n - float64(s.least[i]) - float64(s.most[i])) / (n - 2))
		}
	}
	return out
}

// calibration computes offset, gain and defects, for which it needs dark frames.
func (a *accumulator) calibration(digest string) *Calibration {
	d := &Calibration{Key: a.Key, Frames: a.Dark.N, Floods: a.Flood.N, Offset: a.Dark.trimmed(), Digest: digest}
	if a.Dark.N == 0 {
		return d
	}
	d.Defect = make(picture.Mask, len(d.Offset))
	markOutliers(d.Defect, d.Offset)
	if a.Dark.N >= 4 {
		noise := make([]float32, len(d.Offset))
		for i, v := range a.Dark.m2 {
			noise[i] = float32(math.Sqrt(float64(v) / float64(a.Dark.N-1)))
		}
		markOutliers(d.Defect, noise)
	}
	if a.Flood.N > 0 {
		d.gain(a.Flood.trimmed())
	}
	return d
}

// markOutliers marks values farther from the median than 12 times the interquartile
// half range (8 standard deviations of a normal distribution) and one stored value.
func markOutliers(defect picture.Mask, v []float32) {
	q := raster.Quantiles(v, 0.25, 0.5, 0.75)
	far := 1 + 12*(q[2]-q[0])/2
	for i, x := range v {
		if x > q[1]+far || x < q[1]-far {
			defect[i] = true
		}
	}
}

func (d *Calibration) gain(flood []float32) {
	for i := range flood {
		flood[i] -= d.Offset[i]
	}
	median := raster.Quantiles(flood, 0.5)[0]
	if !(median > 0) {
		return // the flood frames are not exposed
	}
	d.Gain = flood
	for i := range flood {
		flood[i] /= median
		if flood[i] < minGain || flood[i] > 1/minGain {
			d.Defect[i] = true
		}
	}
}

// write writes the file: magic, header length, header (JSON), the planes of Dark and of
// Flood, each float32 little endian, and the SHA-256 of all that.
func (a *accumulator) write(w io.Writer) error {
	header, err := json.Marshal(a)
	if err != nil {
		return err
	}
	h := sha256.New()
	out := io.MultiWriter(w, h)
	b := binary.LittleEndian.AppendUint32([]byte(magic), uint32(len(header)))
	if _, err := out.Write(append(b, header...)); err != nil {
		return err
	}
	for _, p := range append(a.Dark.planes(), a.Flood.planes()...) {
		if err := binary.Write(out, binary.LittleEndian, *p); err != nil {
			return err
		}
	}
	_, err = w.Write(h.Sum(nil))
	return err
}

func (s *series) planes() []*[]float32 {
	if s.N == 0 {
		return nil
	}
	return []*[]float32{&s.mean, &s.m2, &s.least, &s.most}
}

func readAccumulator(b []byte) (*accumulator, error) {
	fixed := len(magic) + 4
	if len(b) < fixed+sha256.Size || string(b[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: not a file of version 1", ErrDamaged)
	}
	body := b[:len(b)-sha256.Size]
	if sum := sha256.Sum256(body); string(sum[:]) != string(b[len(body):]) {
		return nil, fmt.Errorf("%w: its SHA-256 differs", ErrDamaged)
	}
	n := int64(binary.LittleEndian.Uint32(b[len(magic):]))
	if n > maxHeader || n > int64(len(body)-fixed) {
		return nil, fmt.Errorf("%w: header of %d bytes", ErrDamaged, n)
	}
	a := &accumulator{}
	if err := json.Unmarshal(body[fixed:fixed+int(n)], a); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrDamaged, err)
	}
	planes := append(a.Dark.planes(), a.Flood.planes()...)
	rest := body[fixed+int(n):]
	k := a.Key
	if k.Rows < 1 || k.Columns < 1 || k.Rows > 65535 || k.Columns > 65535 || a.Dark.N < 0 || a.Flood.N < 0 ||
		int64(len(rest)) != int64(len(planes))*int64(k.Rows)*int64(k.Columns)*4 {
		return nil, fmt.Errorf("%w: planes do not fit the header", ErrDamaged)
	}
	for _, p := range planes {
		*p = make([]float32, k.Rows*k.Columns)
		for i := range *p {
			(*p)[i] = math.Float32frombits(binary.LittleEndian.Uint32(rest[4*i:]))
		}
		rest = rest[4*k.Rows*k.Columns:]
	}
	return a, nil
}
