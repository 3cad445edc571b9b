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
	blankPart    = 0.01 // of the object's range: a frame with a smaller range is blank
	fewLevels    = 10   // an object whose range is at most so many grey levels is blank
	spreadOf     = 4096 // approximate number of samples from which the range is estimated
)

// ErrBlank says that all frames of an object are blank. It wraps ErrUnsupported.
var ErrBlank = fmt.Errorf("%w: no frame shows anything", ErrUnsupported)

// frames reads the frames of an object, one at a time.
type frames struct {
	object *part10.Object
	image  *Image  // described, without samples
	native []byte  // of all frames if the pixels are native; little endian
	source []byte  // memory with the encoded frames: the file, or its inflated pixels
	widest *widest // nil until examined
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

// widest is the examined frame with the largest range, the first of several.
type widest struct {
	frame  int // from 0
	spread float32
}

// choose reads the frame that represents the object: its only frame; or its representative
// frame, unless blank; or the frame with the largest range. It keeps at most one frame in
// memory besides the one being read.
func (f *frames) choose() error {
	m := f.image
	if m.Frames == 1 {
		return f.take(0, "")
	}
	reason := "the one that shows most"
	if v := m.Integers(tagRepresentativeFrame); len(v) == 1 && v[0] >= 1 && v[0] <= m.Frames {
		if err := f.take(v[0]-1, "the representative one"); err != nil {
			return err
		}
		if shows, err := f.shows(m.Samples); shows || err != nil {
			return err
		}
		reason = fmt.Sprintf("the one that shows most; frame %d, named representative, shows nothing", v[0])
	}
	most, err := f.examine()
	switch {
	case err != nil:
		return err
	case most.spread <= f.negligible():
		return ErrBlank
	}
	return f.take(most.frame, reason)
}

func (f *frames) take(i int, reason string) (err error) {
	f.image.Samples, err = f.read(i)
	f.image.Frame, f.image.FrameReason = i+1, reason
	return err
}

// examine finds the frame with the largest range, once.
func (f *frames) examine() (widest, error) {
	if f.widest != nil {
		return *f.widest, nil
	}
	var most widest
	step := (f.image.Frames + mostExamined - 1) / mostExamined
	for i := 0; i < f.image.Frames; i += step {
		samples, err := f.read(i)
		if err != nil {
			return widest{}, err
		}
		if s := spread(samples); s > most.spread {
			most = widest{i, s}
		}
	}
	f.widest = &most
	return most, nil
}

// shows reports whether a frame is not blank. A frame taken before the exposure is blank: its
// range is small beside that of the object, which need not use all of its Bits Stored.
func (f *frames) shows(samples []float32) (bool, error) {
	s := spread(samples)
	if s > blankPart*f.fullScale() { // the object's range is not larger than the full scale
		return true, nil
	}
	most, err := f.examine()
	return s > f.negligible() && s > blankPart*most.spread, err
}

// negligible is the range of an object that shows nothing.
func (f *frames) negligible() float32 { return min(fewLevels, blankPart*f.fullScale()) }

func (f *frames) fullScale() float32 { return float32(int(1) << f.image.BitsStored) }

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
		shows, err := m.frames.shows(one.Samples)
		if err != nil {
			return err
		}
		if !shows {
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
