package node

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/model/ort"
	"dicomnode/segment"
	"dicomnode/segment/decode"
)

// engine is the pipeline with the model in use. When another model is published, the next
// image waits until the images in progress are done and is then segmented with it. A model
// that this machine cannot run changes nothing.
type engine struct {
	config configs.Config
	log    *slog.Logger

	using    sync.RWMutex // held for reading by every image in progress
	pipeline *segment.Pipeline
	close    func() error

	inProgress inProgress

	changed func() // called when another model is in use; may be nil

	refreshing sync.Mutex
	seen       string // state of the history at the last refresh
}

func openEngine(c configs.Config, log *slog.Logger) (*engine, error) {
	e := &engine{config: c, log: log, seen: publications(c)}
	var err error
	if e.pipeline, e.close, err = pipeline.Open(c); err != nil {
		return nil, err
	}
	e.announce("model ready")
	e.inProgress.idle = e.idle
	e.inProgress.enter()() // the models are idle until the first image
	returnMemory()         // that reading, checking and testing the bundles used
	return e, nil
}

// idle gives the memory of the models back, and unused memory.
func (e *engine) idle() {
	e.using.RLock()
	err := pipeline.Idle(e.pipeline)
	e.using.RUnlock()
	if err != nil {
		e.log.Warn("cannot close an idle model", "error", err)
	}
	returnMemory()
}

// returnMemory gives unused memory back to the system: a node is idle most of the time, on a
// machine that it shares.
func returnMemory() {
	ort.Trim()
	runtime.GC() // what a pool holds is only freed by the collection after the next
	debug.FreeOSMemory()
}

func (e *engine) announce(message string) {
	m := e.pipeline.Model
	e.log.Info(message, "model", m.Name, "version", m.Version, "digest", m.Digest, "device", m.Device)
	if t := e.pipeline.Trunk; t != nil {
		e.log.Info("model for images of trunk and head", "model", t.Model.Name, "version", t.Model.Version, "digest", t.Model.Digest)
	}
}

// Run segments one image with the model that is current when it begins.
func (e *engine) Run(ctx context.Context, img *decode.Image) (*segment.Result, error) {
	e.refresh()
	e.using.RLock()
	defer e.using.RUnlock()
	defer e.inProgress.enter()()
	return e.pipeline.Run(ctx, img)
}

// refresh opens a model that was published since the last refresh.
func (e *engine) refresh() {
	e.refreshing.Lock()
	defer e.refreshing.Unlock()
	now := publications(e.config)
	if now == e.seen {
		return
	}
	e.seen = now
	leave := e.inProgress.enter() // opening a model runs its golden image
	p, closeModel, err := pipeline.Open(e.config)
	leave()
	if err != nil {
		e.log.Error("cannot load the published model; keeping the current one", "error", err, "hint", "dicomnode model verify; dicomnode model rollback")
		return
	}
	e.using.Lock()
	p.Calibration = e.pipeline.Calibration
	old := e.close
	e.pipeline, e.close = p, closeModel
	e.using.Unlock()
	if err := old(); err != nil {
		e.log.Warn("cannot close the previous model", "error", err)
	}
	e.announce("published model in use")
	if e.changed != nil {
		e.changed()
	}
}

func (e *engine) Close() error {
	e.inProgress.stop()
	return e.close()
}

// publications tells one state of the published models from another, without
// reading them; nothing changes for a node whose configuration names its model.
func publications(c configs.Config) string {
	if c.Model.Bundle != pipeline.Published {
		return ""
	}
	info, err := os.Stat(pipeline.ModelStore(c).HistoryFile())
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano())
}

// inProgress knows when each call into a model began: a call that never returns shows in
// nothing else.
type inProgress struct {
	mu    sync.Mutex
	next  int
	begun map[int]time.Time

	idle  func() // called when nothing has been in progress for modelIdleTime; may be nil
	timer *time.Timer
}

// modelIdleTime is how long no image comes until the models count as idle.
const modelIdleTime = 10 * time.Second

// enter notes one more call until leave is called.
func (p *inProgress) enter() (leave func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begun == nil {
		p.begun = map[int]time.Time{}
	}
	id := p.next
	p.next++
	p.begun[id] = time.Now()
	p.stopTimer()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if delete(p.begun, id); len(p.begun) == 0 && p.idle != nil {
			p.timer = time.AfterFunc(modelIdleTime, p.idle)
		}
	}
}

// stopTimer is called with p.mu held.
func (p *inProgress) stopTimer() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// stop makes sure that idle is not called any more.
func (p *inProgress) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = nil
	p.stopTimer()
}

// longest is how long the oldest call has taken so far, 0 without any.
func (p *inProgress) longest() (d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.begun {
		d = max(d, time.Since(t))
	}
	return d
}
