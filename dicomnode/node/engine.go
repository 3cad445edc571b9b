package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"dicomnode/configs"
	"dicomnode/model"
	"dicomnode/segment"
	"dicomnode/segment/decode"
)

// engine is the pipeline with the model of the moment. When another model is
// published, the next image waits until those under way are done and is then
// segmented with it; a model that this machine cannot run changes nothing.
type engine struct {
	config configs.Config
	log    *slog.Logger

	using    sync.RWMutex // held for reading by every image under way
	pipeline *segment.Pipeline
	close    func() error

	looking sync.Mutex
	seen    string // state of the history when it was last looked at
}

func openEngine(ctx context.Context, c configs.Config, log *slog.Logger) (*engine, error) {
	e := &engine{config: c, log: log, seen: publications(c)}
	var err error
	if e.pipeline, e.close, err = openPipeline(ctx, c); err != nil {
		return nil, err
	}
	e.announce("model ready")
	return e, nil
}

func (e *engine) announce(message string) {
	m := e.pipeline.Model
	e.log.Info(message, "model", m.Name, "version", m.Version, "digest", m.Digest, "device", m.Device)
}

// Run segments one image with the model that is current when it begins.
func (e *engine) Run(ctx context.Context, img *decode.Image) (*segment.Result, error) {
	e.refresh(ctx)
	e.using.RLock()
	defer e.using.RUnlock()
	return e.pipeline.Run(ctx, img)
}

// refresh takes over a model that was published since it last looked.
func (e *engine) refresh(ctx context.Context) {
	e.looking.Lock()
	defer e.looking.Unlock()
	now := publications(e.config)
	if now == e.seen {
		return
	}
	e.seen = now
	p, closeModel, err := openPipeline(ctx, e.config)
	if err != nil {
		e.log.Error("published model not taken over, the old one stays", "error", err, "hint", "dicomnode model verify; dicomnode model rollback")
		return
	}
	e.using.Lock()
	p.Calibration = e.pipeline.Calibration
	old := e.close
	e.pipeline, e.close = p, closeModel
	e.using.Unlock()
	if err := old(); err != nil {
		e.log.Warn("close the model before", "error", err)
	}
	e.announce("published model taken over")
}

func (e *engine) Close() error { return e.close() }

// publications tells one state of the published models from another, without
// reading them; nothing changes for a node whose configuration names its model.
func publications(c configs.Config) string {
	if c.Model.Bundle != published {
		return ""
	}
	info, err := os.Stat(modelStore(c).HistoryFile())
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano())
}

// configuredBundle is the bundle that the configuration asks for.
func configuredBundle(c configs.Config) (*model.Bundle, error) {
	if c.Model.Bundle != published {
		return loadBundle(c.Model.Bundle)
	}
	b, err := modelStore(c).Current()
	if err != nil {
		return nil, hinted(err, "dicomnode model rollback goes back to the model before; model: {bundle: embedded} is always there")
	}
	if b == nil {
		return model.Embedded()
	}
	return b, nil
}
