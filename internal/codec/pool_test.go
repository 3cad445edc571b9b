package codec_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/codec"
	"dicomnode/internal/codec/codectest"
)

// All streams of all encoders: lossless ones return each sample; lossy JPEG and JPEG-LS match
// DCMTK's decoder, JPEG 2000 OpenJPEG's to within one.
func TestDecodeStreams(t *testing.T) {
	p := codectest.Open(t, codec.Options{})
	for _, s := range codectest.Streams(t) {
		t.Run(s.Name, func(t *testing.T) {
			px, err := codectest.Decode(t.Context(), p, s.Frame)
			if err != nil {
				t.Fatal(err)
			}
			allowed := 0
			if !s.Exact && (strings.Contains(s.Name, ".91.") || strings.Contains(s.Name, ".203.")) {
				allowed = 1
			}
			if worst := s.Furthest(px); worst > allowed {
				t.Errorf("differs by %d, precision %d", worst, px.Precision)
			}
		})
	}
}

// All transfer syntaxes of the libraries are decoded, and lossless ones are listed first.
func TestTransferSyntaxes(t *testing.T) {
	p := codectest.Open(t, codec.Options{})
	var got []string
	for _, uid := range p.TransferSyntaxes() {
		got = append(got, strings.TrimPrefix(uid, "1.2.840.10008.1.2.4."))
	}
	if want := "70 57 80 90 201 202 50 51 81 91 203"; strings.Join(got, " ") != want {
		t.Errorf("have %v, want %s; %+v", got, want, p.Report())
	}
}

func TestReport(t *testing.T) {
	p := codectest.Open(t, codec.Options{})
	r := p.Report()
	if r.Error != "" || len(r.Families) != 4 || r.Folder == "" {
		t.Fatalf("%+v", r)
	}
	for i, want := range []string{"3.2.0", "2.4.4", "2.5.4", "0.32.0"} {
		if f := r.Families[i]; f.Version != want || f.Error != "" || f.Path == "" {
			t.Errorf("%+v, want release %s", f, want)
		}
	}
}

// Without the libraries the pool decodes nothing and says what to run.
func TestNoLibraries(t *testing.T) {
	p := codectest.Open(t, codec.Options{Folder: t.TempDir()})
	if list := p.TransferSyntaxes(); len(list) != 0 {
		t.Errorf("decodes %v", list)
	}
	s := good(t)
	if _, err := codectest.Decode(t.Context(), p, s.Frame); !errors.Is(err, codec.ErrMissing) || !strings.Contains(err.Error(), "no OpenJPEG library") {
		t.Error(err)
	}
	s.Frame.TransferSyntaxUID = "1.2.840.10008.1.2.4.110" // JPEG XL: nobody's
	if _, err := codectest.Decode(t.Context(), p, s.Frame); !errors.Is(err, codec.ErrMissing) {
		t.Error(err)
	}
}

// Frames whose attributes are wrong are refused before decoding.
func TestDecodeRefuses(t *testing.T) {
	p := codectest.Open(t, codec.Options{})
	for _, s := range codectest.Streams(t) {
		for what, change := range map[string]func(*codec.Frame){
			"rows":    func(f *codec.Frame) { f.Rows++ },
			"columns": func(f *codec.Frame) { f.Columns = 65535 },
			"samples": func(f *codec.Frame) { f.Samples = 4 - f.Samples },
			"code":    func(f *codec.Frame) { f.Code = nil },
			"no size": func(f *codec.Frame) { f.Rows = 0 },
			"huge":    func(f *codec.Frame) { f.Rows, f.Columns = 65535, 65535 },
		} {
			f := s.Frame
			change(&f)
			begin := time.Now()
			if _, err := codectest.Decode(t.Context(), p, f); !errors.Is(err, codec.ErrMalformed) {
				t.Errorf("%s with another %s: %v", s.Name, what, err)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("%s with another %s took %v", s.Name, what, took)
			}
		}
	}
}

// A truncated codestream is never decoded to an image.
func TestDecodeTruncated(t *testing.T) {
	p := codectest.Open(t, codec.Options{})
	for _, s := range codectest.Streams(t) {
		for _, part := range []float64{0.02, 0.3, 0.6, 0.9} {
			f := s.Frame
			f.Code = [][]byte{f.Code[0][:max(1, int(part*float64(len(f.Code[0]))))]}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second) // CharLS loops on some
			px, err := codectest.Decode(ctx, p, f)
			cancel()
			if err == nil {
				t.Errorf("%s: %.0f%% of it is an image; differs by %d", s.Name, 100*part, s.Furthest(px))
			}
		}
	}
}
