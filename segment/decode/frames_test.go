package decode_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
)

// run returns an image with several frames. Each varies by the given amount around 2000; 0 is a
// frame taken before the exposure.
func run(rows, cols int, vary ...int) dicomtest.Image {
	m := dicomtest.Image{Rows: rows, Columns: cols, Bits: 16, Stored: 12, Photometric: "MONOCHROME2",
		Extra: []dicomtest.Attribute{{Tag: 0x00080016, VR: "UI", Value: uid.XRayRadiofluoroscopicImageStorage}, {Tag: 0x00280008, VR: "IS", Value: len(vary)}}}
	for f, v := range vary {
		for i := range rows * cols {
			pixel := 0
			if v > 0 {
				pixel = 2000 + f + v*(i%cols)/cols
			}
			m.Pixels = append(m.Pixels, pixel)
		}
	}
	return m
}

// Of several frames one is decoded: the representative one, unless blank, else the one with the
// largest range.
func TestFrameOfARun(t *testing.T) {
	named := func(m dicomtest.Image, n uint16) dicomtest.Image {
		m.Extra = append(slices.Clone(m.Extra), dicomtest.Attribute{Tag: 0x00286010, VR: "US", Value: n})
		return m
	}
	for _, c := range []struct {
		name  string
		run   dicomtest.Image
		frame int
		why   string
	}{
		{"the first is dark", run(6, 5, 0, 900, 300), 2, "the one that shows most"},
		{"the last shows most", run(6, 5, 100, 300, 900), 3, "the one that shows most"},
		{"all alike", run(6, 5, 500, 500), 1, "the one that shows most"},
		{"representative", named(run(6, 5, 900, 300, 500), 2), 2, "the representative one"},
		{"representative is dark", named(run(6, 5, 0, 300, 900), 1), 3, "the one that shows most; frame 1, named representative, shows nothing"},
		{"representative is none of them", named(run(6, 5, 0, 300), 7), 2, "the one that shows most"},
		{"single", run(6, 5, 300), 1, ""},
		{"single and dark", run(6, 5, 0), 1, ""},
		{"300 frames", run(2, 30, append(make([]int, 299), 300)...), 0, ""},
	} {
		for _, ts := range syntaxes {
			t.Run(fmt.Sprintf("%s/%s", c.name, uid.Name(ts)), func(t *testing.T) {
				b := c.run.Encode(ts)
				got, err := decode.Read(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
				if c.frame == 0 { // the only frame that is not blank is not among the examined ones
					if !errors.Is(err, decode.ErrBlank) || !errors.Is(err, decode.ErrUnsupported) {
						t.Fatalf("error %v, want ErrBlank", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				n := got.Rows * got.Columns
				if got.Frame != c.frame || got.FrameReason != c.why {
					t.Errorf("frame %d of %d, %q; want %d, %q", got.Frame, got.Frames, got.FrameReason, c.frame, c.why)
				}
				for i, v := range c.run.Pixels[(c.frame-1)*n:][:n] {
					if got.Samples[i] != float32(v) {
						t.Fatalf("sample %d is %v, want %d", i, got.Samples[i], v)
					}
				}
			})
		}
	}
}

// What is blank depends on the range of the object, not on Bits Stored: detectors of 10 bits
// are often declared as 16. A range of few grey levels is that of noise.
func TestBlankFrames(t *testing.T) {
	for _, c := range []struct {
		name   string
		stored int
		vary   []int
		frame  int // 0: all are blank
		shown  []int
	}{
		{"10 bits in 16", 16, []int{0, 300, 600}, 3, []int{2, 3}},
		{"noise beside a picture", 16, []int{3, 600, 20}, 2, []int{2, 3}},
		{"16 bits", 16, []int{200, 30000, 400}, 2, []int{2, 3}},
		{"noise in 16 bits", 16, []int{3, 9, 6}, 0, nil},
		{"noise in 12 bits", 12, []int{3, 9, 6}, 0, nil},
		{"little contrast in 12 bits", 12, []int{0, 30}, 2, []int{2}},
		{"8 bits", 8, []int{0, 5}, 2, []int{2}},
	} {
		for _, named := range []uint16{0, 1} {
			m := run(6, 100, c.vary...)
			m.Stored = c.stored
			if c.stored == 8 {
				for i, v := range m.Pixels {
					m.Pixels[i] = max(0, v-1900)
				}
			}
			if named > 0 { // the first frame is blank
				m.Extra = append(m.Extra, dicomtest.Attribute{Tag: 0x00286010, VR: "US", Value: named})
			}
			b := m.Encode(uid.ExplicitVRLittleEndian)
			img, err := decode.ReadFrames(t.Context(), bytes.NewReader(b), int64(len(b)), nil)
			if c.frame == 0 {
				if !errors.Is(err, decode.ErrBlank) {
					t.Errorf("%s: error %v, want ErrBlank", c.name, err)
				}
				continue
			}
			if err != nil || img.Frame != c.frame {
				t.Errorf("%s: %v, or another frame than %d", c.name, err, c.frame)
				continue
			}
			var shown []int
			if err := img.EachFrame(8, func(m *decode.Image) error { shown = append(shown, m.Frame); return nil }); err != nil || !slices.Equal(shown, c.shown) {
				t.Errorf("%s: frames %v show something, want %v (%v)", c.name, shown, c.shown, err)
			}
		}
	}
}

// Each frame that is not blank is visited once and in order; of a long sequence only some are.
func TestEachFrame(t *testing.T) {
	visited := func(most int, vary ...int) (out []int, err error) {
		b := run(7, 5, vary...).Encode(uid.RLELossless)
		img, err := decode.ReadFrames(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
		if err != nil {
			return nil, err
		}
		return out, img.EachFrame(most, func(m *decode.Image) error {
			if m.Samples[0] != float32(2000+m.Frame-1) || m.FrameReason == "" {
				t.Errorf("frame %d begins with %v, %q", m.Frame, m.Samples[0], m.FrameReason)
			}
			out = append(out, m.Frame)
			return nil
		})
	}
	for _, c := range []struct {
		most int
		vary []int
		want []int
	}{
		{8, []int{0, 300, 900, 0, 100}, []int{2, 3, 5}},
		{2, []int{300, 300, 300, 300, 300}, []int{1, 4}},
	} {
		if got, err := visited(c.most, c.vary...); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%d of %v: %v, %v; want %v", c.most, c.vary, got, err, c.want)
		}
	}
	if _, err := visited(8, 0, 0, 0); !errors.Is(err, decode.ErrBlank) {
		t.Errorf("a dark run: %v, want ErrBlank", err)
	}
}
