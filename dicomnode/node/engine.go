package node

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/model/ort"
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

	underway underway

	changed func() // called when another model was taken over; may be nil

	looking sync.Mutex
	seen    string // state of the history when it was last looked at
}

func openEngine(c configs.Config, log *slog.Logger) (*engine, error) {
	e := &engine{config: c, log: log, seen: publications(c)}
	var err error
	if e.pipeline, e.close, err = pipeline.Open(c); err != nil {
		return nil, err
	}
	e.announce("model ready")
	e.underway.rest = returnMemory
	returnMemory() // what reading, checking and trying the bundles took
	return e, nil
}

// returnMemory gives what is not used to the system: a node is idle most of the time, on a
// machine that it shares.
func returnMemory() {
	ort.Trim()
	debug.FreeOSMemory()
}

func (e *engine) announce(message string) {
	m := e.pipeline.Model
	e.log.Info(message, "model", m.Name, "version", m.Version, "digest", m.Digest, "device", m.Device)
}

// Run segments one image with the model that is current when it begins.
func (e *engine) Run(ctx context.Context, img *decode.Image) (*segment.Result, error) {
	e.refresh()
	e.using.RLock()
	defer e.using.RUnlock()
	defer e.underway.enter()()
	return e.pipeline.Run(ctx, img)
}

// refresh takes over a model that was published since it last looked.
func (e *engine) refresh() {
	e.looking.Lock()
	defer e.looking.Unlock()
	now := publications(e.config)
	if now == e.seen {
		return
	}
	e.seen = now
	p, closeModel, err := pipeline.Open(e.config)
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
		e.log.Warn("close the model before", "error", err)
	}
	e.announce("published model taken over")
	if e.changed != nil {
		e.changed()
	}
}

func (e *engine) Close() error {
	e.underway.stop()
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

// underway knows since when each image is being segmented: a call into the model that
// never returns shows in nothing else.
type underway struct {
	mu    sync.Mutex
	next  int
	begun map[int]time.Time

	rest    func() // called when nothing has been under way for restTime; may be nil
	resting *time.Timer
}

// restTime is how long no image comes until the node counts as idle.
const restTime = 10 * time.Second

// enter notes one more image until leave is called.
func (u *underway) enter() (leave func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.begun == nil {
		u.begun = map[int]time.Time{}
	}
	id := u.next
	u.next++
	u.begun[id] = time.Now()
	u.wake()
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if delete(u.begun, id); len(u.begun) == 0 && u.rest != nil {
			u.resting = time.AfterFunc(restTime, u.rest)
		}
	}
}

// wake ends the rest; u.mu is held.
func (u *underway) wake() {
	if u.resting != nil {
		u.resting.Stop()
	}
}

// stop ends the rest for good.
func (u *underway) stop() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.rest = nil
	u.wake()
}

// longest is how long the oldest of them takes so far, 0 without any.
func (u *underway) longest() (d time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, t := range u.begun {
		d = max(d, time.Since(t))
	}
	return d
}
