// Package offline runs the node's pipeline on files: it writes segmentations of DICOM files,
// label images of pictures, and a report of each. It needs no node and no archive.
package offline

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/inputs"
	"dicomnode/dicomnode/outputs"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/codec"
	"dicomnode/internal/durable"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/decode"
)

// Options say what is written.
type Options struct {
	Out      string // folder of the results; created
	Polarity string // of pictures: one of [Polarities]
	Overlay  bool   // write a picture of each image with its masks
	Sheet    string // PNG file of a contact sheet of the first MaxSheet images; "": none
	// Outputs are further objects of each image besides the segmentation: forms of package
	// configs. Each is written to NAME.FORM.dcm.
	Outputs []string
	Version string // of the program, as the SEG names it
}

// Segmenter segments files one after the other.
type Segmenter struct {
	config   configs.Config
	options  Options
	pipeline *segment.Pipeline
	codecs   *codec.Pool
	close    func() error
	names    map[string]int // of results: see UniqueName
	sheet    sheet
}

// Open prepares the models of a configuration; Close them afterwards.
func Open(c configs.Config, o Options) (*Segmenter, error) {
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return nil, err
	}
	codecs, err := pipeline.OpenCodecs(c, nil)
	if err != nil {
		return nil, err
	}
	p, closeModels, err := pipeline.Open(c)
	if err != nil {
		return nil, errors.Join(err, codecs.Close())
	}
	return &Segmenter{config: c, options: o, pipeline: p, codecs: codecs, close: closeModels, names: map[string]int{}}, nil
}

// Close closes the models and the codecs.
func (s *Segmenter) Close() error { return errors.Join(s.close(), s.codecs.Close()) }

// All segments files and calls step after each. The report of an image that cannot be segmented
// has the error. When ctx ends, the remaining files are left out.
func (s *Segmenter) All(ctx context.Context, files []string, step func()) []Report {
	reports := make([]Report, 0, len(files))
	for _, path := range files {
		if ctx.Err() != nil {
			break
		}
		r, err := s.one(ctx, path)
		if err != nil {
			r.Error = err.Error()
		}
		reports = append(reports, r)
		step()
	}
	return reports
}

func (s *Segmenter) one(ctx context.Context, path string) (Report, error) {
	base := filepath.Join(s.options.Out, UniqueName(s.names, path))
	if inputs.IsPicture(path) {
		return s.picture(ctx, path, base)
	}
	return s.file(ctx, path, base)
}

// UniqueName is the file's name without extension, numbered if two folders contain the same
// name.
func UniqueName(seen map[string]int, path string) string {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	seen[name]++
	if n := seen[name]; n > 1 {
		return fmt.Sprintf("%s-%d", name, n)
	}
	return name
}

// modified is the date of an offline segmentation: the same file gives the same object.
func modified(path string) (time.Time, error) {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// file segments a DICOM file into base.seg.dcm, further outputs and base.png.
func (s *Segmenter) file(ctx context.Context, path, base string) (Report, error) {
	begun := time.Now()
	img, err := decode.ReadFile(ctx, path, s.codecs)
	if err != nil {
		return Report{File: path}, err
	}
	if err := img.Identity(); err != nil { // before the costly part
		return Report{File: path}, err
	}
	if img.Received, err = modified(path); err != nil {
		return Report{File: path}, err
	}
	res, err := s.pipeline.Run(ctx, img)
	if err != nil {
		return Report{File: path}, err
	}
	r := newReport(path, res)
	r.Faults = img.Forgiven.String()
	if err := s.write(&r, base, outputs.New(s.config, s.options.Version, img, res)); err != nil {
		return r, err
	}
	r.Milliseconds = float64(time.Since(begun).Microseconds()) / 1000
	err = s.show(&r, base+".png", img, res)
	return r, err
}

// show draws an image with its masks, where that is wanted.
func (s *Segmenter) show(r *Report, overlay string, img *decode.Image, res *segment.Result) error {
	if s.options.Sheet != "" {
		s.sheet.add(r.File, img, res)
	}
	if !s.options.Overlay {
		return nil
	}
	r.Overlay = overlay
	return WriteOverlay(r.Overlay, img, res)
}

// write makes the objects of an image and writes them.
func (s *Segmenter) write(r *Report, base string, m *outputs.Maker) error {
	r.SEG = base + ".seg.dcm"
	if err := writeObject(r.SEG, m, configs.Binary); err != nil {
		return err
	}
	for _, form := range s.options.Outputs {
		path := base + "." + form + ".dcm"
		if err := writeObject(path, m, form); err != nil {
			return err
		}
		r.Outputs = append(r.Outputs, path)
	}
	return nil
}

func writeObject(path string, m *outputs.Maker, form string) error {
	o, err := m.Make(form)
	if err != nil {
		return err
	}
	return durable.Replace(path, 0o644, func(w io.Writer) error {
		if err := WriteMeta(w, o.SOPClassUID, o.SOPInstanceUID); err != nil {
			return err
		}
		return o.Encode(w)
	})
}

// WriteMeta writes the preamble and file meta information of a result (PS3.10 7.1).
func WriteMeta(w io.Writer, sopClassUID, sopInstanceUID string) error {
	return part10.WriteMeta(w, part10.Meta{
		SOPClassUID: sopClassUID, SOPInstanceUID: sopInstanceUID, TransferSyntaxUID: uid.ExplicitVRLittleEndian,
		ImplementationClassUID: uid.Implementation, ImplementationVersionName: uid.ImplementationVersionName,
	})
}

// WriteOverlay writes a picture of an image with its masks as PNG.
func WriteOverlay(path string, img *decode.Image, res *segment.Result) error {
	return durable.Replace(path, 0o644, func(w io.Writer) error { return png.Encode(w, segment.Overlay(img, res)) })
}
