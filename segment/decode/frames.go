package decode

import (
	"bytes"
	"context"
	"fmt"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/part10"
	"dicomnode/internal/raster"
	"dicomnode/internal/uid"
)

var tagRepresentativeFrame = tag.Tag{Group: 0x0028, Element: 0x6010} // Representative Frame Number, PS3.3 C.7.6.6

const (
	mostExamined = 128  // frames of a run that are looked at, evenly spread over it
	blankPart    = 0.01 // of the full scale: a frame that varies less shows nothing
	spreadOf     = 4096 // samples of a frame, about, whose spread is taken
)

// ErrBlank is a run whose frames show nothing. It wraps ErrUnsupported.
var ErrBlank = fmt.Errorf("%w: no frame shows anything", ErrUnsupported)

// frames reads the frames of an object, one at a time.
type frames struct {
	object *part10.Object
	image  *Image // described, without samples
	native []byte // of all frames, where the pixels are native; little endian
	// encapsulated decodes the fragments of one frame, where they are that, and calls use.
	encapsulated func(m *Image, fragments [][]byte, use func(values) error) error
}

func newFrames(ctx context.Context, o *part10.Object, m *Image, c Codec) (*frames, error) {
	f := &frames{object: o, image: m}
	switch {
	case o.TransferSyntaxUID == uid.RLELossless:
		f.encapsulated = rleFrame
		return f, nil
	case o.Pixels.Encapsulated:
		f.encapsulated = func(m *Image, fragments [][]byte, use func(values) error) error {
			return codestream(ctx, o.TransferSyntaxUID, fragments, m, c, use)
		}
		return f, nil
	}
	all := int64(m.frameSize()) * int64(m.Frames)
	if o.Pixels.Length < all {
		return nil, fmt.Errorf("%w: pixel data of %d bytes, want %d", ErrMalformed, o.Pixels.Length, all)
	}
	var err error
	if f.native, err = o.Native(min(o.Pixels.Length, all+all%2)); err != nil { // with the padding to a whole word
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	// PS3.5 8.1.2 and annex D: 8-bit samples in OW are paired into words.
	if o.Pixels.BigEndian && (m.in.allocated == 16 || o.Pixels.VR == "OW") {
		swapWords(f.native) // the file in memory is nobody else's
	}
	if int64(len(f.native)) < all {
		return nil, fmt.Errorf("%w: pixel data of %d bytes, want %d", ErrMalformed, len(f.native), all)
	}
	return f, nil
}

// read decodes frame i, from 0, and no other.
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
		return use(v)
	}
	fragments, err := f.object.Pixels.Frame(i, m.Frames)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return f.encapsulated(m, fragments, use)
}

func rleFrame(m *Image, fragments [][]byte, use func(values) error) error {
	if len(fragments) != 1 {
		fragments = [][]byte{bytes.Join(fragments, nil)}
	}
	data, err := decodeRLE(fragments[0], m.Rows*m.Columns, m.SamplesPerPixel, m.in.allocated/8)
	if err != nil {
		return err
	}
	return use(m.inMemory(data))
}

// choose reads the frame that stands for the object: its only one; of a run the
// representative, unless that shows nothing; else the one that shows most, the first of
// several. Only one frame is kept in memory beside that read.
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

// shows says whether a frame varies at all: one taken before the beam was on does not.
func (f *frames) shows(samples []float32) bool {
	return spread(samples) > blankPart*float32(int(1)<<f.image.BitsStored)
}

// spread is the range between the 5 and the 95 percentile of a part of the samples.
func spread(samples []float32) float32 {
	q := raster.Quantiles(raster.Thin(samples, spreadOf), 0.05, 0.95)
	return q[1] - q[0]
}

// EachSamples calls visit with the samples of every frame in order, also of those that
// show nothing. It is for images of [ReadFrames]; of another it visits those of m.
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

// EachFrame calls visit with the image of every frame that shows something, in order; of a
// run of more than most frames with so many of them, evenly spread over it. Each shares its
// data set with m and holds the samples of its own frame. ErrBlank is a run without such a
// frame; an error of visit ends the reading. It is for images of [ReadFrames]; of another
// it visits m.
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
