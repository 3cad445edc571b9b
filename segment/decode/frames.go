package decode

import (
	"bytes"
	"context"
	"fmt"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/pages"
	"dicomnode/internal/part10"
	"dicomnode/internal/raster"
	"dicomnode/internal/uid"
)

var tagRepresentativeFrame = tag.Tag{Group: 0x0028, Element: 0x6010} // Representative Frame Number, PS3.3 C.7.6.6

const (
	mostExamined = 128  // greatest number of frames that are examined, evenly spread
	blankPart    = 0.01 // of the full scale: a frame with a smaller range is blank
	spreadOf     = 4096 // approximate number of samples from which the range is estimated
)

// ErrBlank says that all frames of an object are blank. It wraps ErrUnsupported.
var ErrBlank = fmt.Errorf("%w: no frame shows anything", ErrUnsupported)

// frames reads the frames of an object, one at a time.
type frames struct {
	object *part10.Object
	image  *Image // described, without samples
	native []byte // of all frames if the pixels are native; little endian
	source []byte // memory with the encoded frames: the file, or its inflated pixels
	// encapsulated decodes the fragments of one encapsulated frame and calls use.
	encapsulated func(m *Image, fragments [][]byte, use func(values) error) error
}

func newFrames(ctx context.Context, file []byte, o *part10.Object, m *Image, c Codec) (*frames, error) {
	f := &frames{object: o, image: m, source: file}
	switch {
	case o.TransferSyntaxUID == uid.RLELossless:
		f.encapsulated = rleFrame
		return f, nil
	case o.Pixels.Encapsulated:
		f.encapsulated = func(m *Image, fragments [][]byte, use func(values) error) error {
			var spend func()
			if m.Frames == 1 {
				spend = f.spend
			}
			return codestream(ctx, o.TransferSyntaxUID, fragments, m, c, spend, use)
		}
		return f, nil
	}
	all := int64(m.frameSize()) * int64(m.Frames)
	if o.Pixels.Length < all {
		return nil, fmt.Errorf("%w: pixel data of %d bytes, want %d", ErrMalformed, o.Pixels.Length, all)
	}
	var err error
	if f.native, err = o.Native(min(o.Pixels.Length, all+all%2)); err != nil { // with the padding to a full word
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if o.TransferSyntaxUID == uid.DeflatedExplicitVRLittleEndian {
		pages.Release(file)
		f.source = f.native
	}
	// PS3.5 8.1.2 and annex D: 8-bit samples in OW are paired into words.
	if o.Pixels.BigEndian && (m.in.allocated == 16 || o.Pixels.VR == "OW") {
		swapWords(f.native) // may be changed: nothing else uses the file in memory
	}
	if int64(len(f.native)) < all {
		return nil, fmt.Errorf("%w: pixel data of %d bytes, want %d", ErrMalformed, len(f.native), all)
	}
	return f, nil
}

// read decodes frame i, from 0.
func (f *frames) read(i int) (samples []float32, err error) {
	err = f.values(i, func(v values) (err error) {
		samples, err = f.image.unpack(v)
		return err
	})
	return samples, err
}

// values calls use with the values of frame i.
func (f *frames) values(i int, use func(values) error) error {
	m := f.image
	if f.encapsulated == nil {
		v, err := m.native(f.native[i*m.frameSize():][:m.frameSize()])
		if err != nil {
			return err
		}
		if m.subsampled() { // v is a copy
			f.spend()
		}
		return use(v)
	}
	fragments, err := f.object.Pixels.Frame(i, m.Frames)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return f.encapsulated(m, fragments, func(v values) error {
		f.spend()
		return use(v)
	})
}

// spend releases the memory of an encoded frame whose values were decoded, before memory for
// its samples is needed. Of several frames the others may be read yet.
func (f *frames) spend() {
	if f.image.Frames == 1 {
		pages.Release(f.source)
	}
}

func rleFrame(m *Image, fragments [][]byte, use func(values) error) error {
	if len(fragments) != 1 {
		fragments = [][]byte{bytes.Join(fragments, nil)}
	}
	data, err := decodeRLE(fragments[0], m.Rows*m.Columns, m.SamplesPerPixel, m.in.allocated/8)
	if err != nil {
		return err
	}
	v := m.inMemory(data)
	if m.SamplesPerPixel > 1 {
		v.once = data
	}
	return use(v)
}

// choose reads the frame that represents the object: its only frame; or its representative
// frame, unless blank; or the frame with the largest range, the first of several. It keeps at
// most one frame in memory besides the one being read.
func (f *frames) choose() error {
	m := f.image
	if m.Frames == 1 {
		return f.take(0, "")
	}
	named := 0
	if v := m.Integers(tagRepresentativeFrame); len(v) == 1 && v[0] >= 1 && v[0] <= m.Frames {
		named = v[0]
		samples, err := f.read(named - 1)
		if err != nil {
			return err
		}
		if f.shows(samples) {
			m.Samples, m.Frame, m.FrameReason = samples, named, "the representative one"
			return nil
		}
	}
	best, most := -1, float32(0)
	step := (m.Frames + mostExamined - 1) / mostExamined
	for i := 0; i < m.Frames; i += step {
		samples, err := f.read(i)
		if err != nil {
			return err
		}
		if s := spread(samples); s > most && f.shows(samples) {
			best, most = i, s
		}
	}
	switch {
	case best < 0:
		return ErrBlank
	case named > 0:
		return f.take(best, fmt.Sprintf("the one that shows most; frame %d, named representative, shows nothing", named))
	}
	return f.take(best, "the one that shows most")
}

func (f *frames) take(i int, reason string) (err error) {
	f.image.Samples, err = f.read(i)
	f.image.Frame, f.image.FrameReason = i+1, reason
	return err
}

// shows reports whether a frame is not blank. A frame taken before the exposure is blank.
func (f *frames) shows(samples []float32) bool {
	return spread(samples) > blankPart*float32(int(1)<<f.image.BitsStored)
}

// spread returns the range between the 5th and the 95th percentile of a subset of the samples.
func spread(samples []float32) float32 {
	q := raster.Quantiles(raster.Thin(samples, spreadOf), 0.05, 0.95)
	return q[1] - q[0]
}

// EachSamples calls visit with the samples of every frame in order, including blank ones. For
// an image that is not from [ReadFrames] it calls visit with those of m only.
func (m *Image) EachSamples(visit func(samples []float32) error) error {
	if m.frames == nil || m.Frames == 1 {
		return visit(m.Samples)
	}
	for i := range m.Frames {
		samples, err := m.frames.read(i)
		if err == nil {
			err = visit(samples)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// EachFrame calls visit with an image for each frame that is not blank, in order. If the object
// has more than most frames, it visits that many, evenly spread. Each image shares the data set
// of m and has the samples of its frame. EachFrame returns ErrBlank if all frames are blank,
// and stops at an error of visit. For an image that is not from [ReadFrames] it calls visit
// with m only.
func (m *Image) EachFrame(most int, visit func(*Image) error) error {
	if m.frames == nil || m.Frames == 1 {
		return visit(m)
	}
	step, seen := (m.Frames+most-1)/most, 0
	reason := "all frames are segmented"
	if step > 1 {
		reason = fmt.Sprintf("one frame of every %d is segmented", step)
	}
	for i := 0; i < m.Frames; i += step {
		one := *m
		f := *m.frames
		f.image = &one
		if err := f.take(i, reason); err != nil {
			return err
		}
		if !f.shows(one.Samples) {
			continue
		}
		seen++
		if err := visit(&one); err != nil {
			return err
		}
	}
	if seen == 0 {
		return ErrBlank
	}
	return nil
}
