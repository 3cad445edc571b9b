// Package pipeline opens what a configuration names for segmentation: model bundles, their ONNX
// Runtime sessions, the detectors' dark frames, and the segment.Pipeline made of them. It knows
// no network, no archive and no command line.
package pipeline

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"dicomnode/configs"
	"dicomnode/internal/hint"
	"dicomnode/model"
	"dicomnode/model/ort"
	"dicomnode/segment"
	"dicomnode/segment/dark"
	"dicomnode/segment/picture"
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
	s, m, err := OpenModel(c)
	if err != nil {
		return nil, nil, err
	}
	field, err := OpenField(c.Model)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	closeModels = func() error { return errors.Join(s.Close(), field.Close()) }
	darks, err := dark.Open(DarkDir(c))
	var config segment.Config
	if err == nil {
		config, err = segmentConfig(c, s.Card())
	}
	if err != nil {
		return nil, nil, errors.Join(err, closeModels())
	}
	return &segment.Pipeline{
		Predictor: s, Model: m, Field: field, FieldDigest: field.Digest(), Calibration: darks,
		Config: config,
	}, closeModels, nil
}

// OpenModel opens the configured model and its description for the SEG.
func OpenModel(c configs.Config) (*model.Session, segment.Model, error) {
	b, err := ConfiguredBundle(c)
	if err != nil {
		return nil, segment.Model{}, err
	}
	s, err := OpenBundle(b, model.Regions, c.Model)
	if err != nil {
		return nil, segment.Model{}, err
	}
	return s, segment.Model{Name: b.Card.Name, Version: b.Card.Version, Digest: s.Digest(), Device: s.Device()}, nil
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
