// Package pipeline opens what a configuration names for segmentation: model bundles, their ONNX
// Runtime sessions, the detectors' dark frames, and the segment.Pipeline made of them. It knows
// no network, no archive and no command line.
package pipeline

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"dicomnode/configs"
	"dicomnode/internal/hint"
	"dicomnode/model"
	"dicomnode/model/ort"
	"dicomnode/segment"
	"dicomnode/segment/dark"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
)

var _ segment.Predictor = (*model.Session)(nil)

// A model must have the size of the pictures; otherwise this constant is negative and does not
// compile.
const _ = uint(model.Size-picture.Side) + uint(picture.Side-model.Size)

// DarkDir is the folder of the detectors' dark frames.
func DarkDir(c configs.Config) string { return filepath.Join(c.Node.DataDir, "dark") }

// Open opens the models and the dark frames of a configuration. The returned function closes
// the models.
func Open(c configs.Config) (p *segment.Pipeline, closeModels func() error, err error) {
	if p, closeModels, err = OpenModels(c); err != nil {
		return nil, nil, err
	}
	if p.Calibration, err = dark.Open(DarkDir(c)); err != nil {
		return nil, nil, errors.Join(err, closeModels())
	}
	return p, closeModels, nil
}

// OpenModels is Open without the dark frames, so that it reads nothing of the data folder but a
// published model.
func OpenModels(c configs.Config) (p *segment.Pipeline, closeModels func() error, err error) {
	var opened []io.Closer
	closeModels = func() error {
		var errs []error
		for _, s := range opened {
			errs = append(errs, s.Close())
		}
		return errors.Join(errs...)
	}
	p = &segment.Pipeline{}
	if err := openModels(c, p, &opened); err != nil {
		return nil, nil, errors.Join(err, closeModels())
	}
	return p, closeModels, nil
}

// openModels opens the models of a configuration for p and adds them to opened.
func openModels(c configs.Config, p *segment.Pipeline, opened *[]io.Closer) error {
	general, trunk, err := regionBundles(c)
	if err != nil {
		return err
	}
	if err := openGeneral(c, general, p, opened); err != nil {
		return err
	}
	if p.Config, err = segmentConfig(c, general.Card, scales.Effort(c.Segmentation.Effort)); err != nil {
		return err
	}
	if p.Model.Device == ort.CPU { // so is what is opened again: results name one device
		c.Model.Device = ort.CPU
	}
	if trunk != nil {
		predictor, variant, err := openTrunk(c, trunk, p.Model.Device)
		if err != nil {
			return fmt.Errorf("open model of trunk and head: %w", err)
		}
		*opened = append(*opened, predictor)
		p.Trunk = variant
	}
	field, err := OpenField(c.Model)
	if err != nil {
		return err
	}
	predictor := &onDemand{session: field, open: func() (*model.Session, error) { return OpenField(c.Model) }}
	*opened = append(*opened, predictor)
	p.Field, p.FieldDigest = predictor, field.Digest()
	return nil
}

// openGeneral opens the bundle for images in general. A bundle that is not in the program stays
// open: its file may change.
func openGeneral(c configs.Config, b *model.Bundle, p *segment.Pipeline, opened *[]io.Closer) error {
	own, err := model.Embedded()
	if err != nil {
		return err
	}
	s, err := OpenBundle(b, model.Regions, c.Model)
	if err != nil {
		return err
	}
	var use interface {
		segment.Predictor
		io.Closer
	} = s
	if own.Digest == b.Digest {
		c.Model.Device = s.Device() // also when it is opened again
		use = &onDemand{session: s, fallback: s.Fallback(), open: func() (*model.Session, error) {
			own, err := model.Embedded()
			if err != nil {
				return nil, err
			}
			return OpenBundle(own, model.Regions, c.Model)
		}}
	}
	*opened = append(*opened, use)
	p.Predictor, p.Model = use, Described(b, s)
	return nil
}

// Fallback is why the models of p run on the CPU although CUDA was tried; usually nil.
func Fallback(p *segment.Pipeline) error {
	switch s := p.Predictor.(type) {
	case *model.Session:
		return s.Fallback()
	case *onDemand:
		return s.fallback
	}
	return nil
}

// openTrunk prepares a bundle for images of trunk and head, with the settings of a configuration.
// The first of them opens it. A file is opened once before, which runs its golden image, so that
// one that this machine cannot run is noticed at the start.
func openTrunk(c configs.Config, b *model.Bundle, device string) (*onDemand, *segment.Variant, error) {
	digest := b.Digest // alone, so that the bundle does not stay in memory
	predictor := &onDemand{open: func() (*model.Session, error) {
		b, err := namedTrunk(c.Model.Trunk)
		if err != nil {
			return nil, err
		}
		if b.Digest != digest {
			return nil, errors.New("open model of trunk and head: the file is not the one that was opened at the start")
		}
		return OpenBundle(b, model.Regions, c.Model)
	}}
	config, err := segmentConfig(c, b.Card, scales.Effort(c.Segmentation.Effort).OfTrunk())
	if err == nil && c.Model.Trunk != Auto && c.Model.Trunk != Embedded {
		err = errors.Join(predictor.load(), predictor.release())
	}
	m := segment.Model{Name: b.Card.Name, Version: b.Card.Version, Digest: digest, Device: device}
	return predictor, &segment.Variant{Predictor: predictor, Model: m, Config: config}, err
}

// Described is the description of a bundle for results; s runs it.
func Described(b *model.Bundle, s *model.Session) segment.Model {
	return segment.Model{Name: b.Card.Name, Version: b.Card.Version, Digest: s.Digest(), Device: s.Device()}
}

// OpenModel opens the configured model for images in general, and its description.
func OpenModel(c configs.Config) (*model.Session, segment.Model, error) {
	b, err := ConfiguredBundle(c)
	if err != nil {
		return nil, segment.Model{}, err
	}
	s, err := OpenBundle(b, model.Regions, c.Model)
	if err != nil {
		return nil, segment.Model{}, err
	}
	return s, Described(b, s), nil
}

// OpenField opens the program's model of the exposed field.
func OpenField(c configs.Model) (*model.Session, error) {
	b, err := model.EmbeddedField()
	if err != nil {
		return nil, err
	}
	s, err := OpenBundle(b, model.Field, c)
	if err != nil {
		return nil, fmt.Errorf("open model of the exposed field: %w", err)
	}
	return s, nil
}

// OpenBundle opens a bundle on the configured device.
func OpenBundle(b *model.Bundle, target model.Target, c configs.Model) (*model.Session, error) {
	s, err := model.Open(b, model.Options{Target: target, Device: c.Device, Library: c.Library, Threads: c.Threads, Log: slog.New(slog.DiscardHandler)})
	return s, HintLibrary(err, "in a node's configuration model: {library: FILE} names the library too")
}

// HintLibrary adds a hint to the error that ONNX Runtime is missing: how its place is
// configured. Other errors are returned unchanged.
func HintLibrary(err error, how string) error {
	if errors.Is(err, ort.ErrNoLibrary) {
		return hint.Add(err, how)
	}
	return err
}
