package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"dicomnode/configs"
	"dicomnode/internal/archive"
	"dicomnode/scp"
	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
)

// shutdownTime is how long open associations may finish after SIGTERM.
const shutdownTime = 20 * time.Second

// node is the product: what arrives is archived, what is archived is segmented,
// what is segmented is delivered.
type node struct {
	config  atomic.Pointer[configs.Config] // replaced whole by reload
	log     *slog.Logger
	archive *archive.Archive
	engine  *engine
	darks   *dark.Store
	server  *scp.Server
	lines   *lines // open associations to destinations
}

// Serve runs the chain until ctx ends, then lets open associations and running
// jobs finish. Nothing acknowledged is lost if they do not.
//
//	modality ── C-STORE ──► scp.Server ──► archive.Receive ── fsync, index row and job ──► 0000
//	                                            │
//	                       archive.Work ──► n.segment: decode → dark-correct → XNet → masks → SEG
//	                            ├─────────► n.learnDark: dark frames of the calibration AE title
//	                            └─────────► n.deliver ── C-STORE ──► PACS
//	n.retain removes what is finished and old.
func (n *node) Serve(ctx context.Context, ln net.Listener) error {
	background := context.WithoutCancel(ctx)
	working, stopWork := context.WithCancel(background)
	defer stopWork()
	g, ctx := errgroup.WithContext(ctx) // what fails ends the others
	g.Go(func() error { return n.server.Serve(background, ln) })
	g.Go(func() error {
		return ignore(n.archive.Work(working, archive.Handlers{
			Segment: n.segment, Dark: n.learnDark, Deliver: n.deliver,
		}), context.Canceled)
	})
	g.Go(func() error { n.retain(working); return nil })
	g.Go(func() error {
		<-ctx.Done()
		n.log.Info("shutting down")
		finish, cancel := context.WithTimeout(background, shutdownTime)
		defer cancel()
		err := n.server.Shutdown(finish)
		stopWork()
		return ignore(err, context.DeadlineExceeded)
	})
	err := g.Wait()
	n.lines.close()
	return err
}

// segment does a segment job: the outputs of the image's route. An image that no
// route matches is kept and has no output.
func (n *node) segment(ctx context.Context, o archive.Object) ([]archive.Output, error) {
	begun, c := time.Now(), n.config.Load()
	route, ok := c.Route(o.Source, o.Modality)
	if !ok {
		n.log.Info("image kept, no route matches it", "object", o.ID, "peer", o.Source, "modality", o.Modality)
		return nil, nil
	}
	img, err := decode.ReadFile(o.Path())
	if err != nil {
		return nil, quarantine(err)
	}
	img.Received = o.Received
	res, err := n.engine.Run(ctx, img)
	if err != nil {
		return nil, quarantine(err)
	}
	n.reportDark(o, res.Dark)
	out, err := segOutput(c, route, img, res)
	if err != nil {
		return nil, err
	}
	n.log.Info("image segmented", "object", o.ID, "route", route.Name, "took", time.Since(begun))
	return []archive.Output{out}, nil
}

// hopeless are the errors that a repeat meets again: an image that cannot be
// decoded, and a file that somebody removed.
var hopeless = []error{decode.ErrUnsupported, decode.ErrMalformed, fs.ErrNotExist}

// quarantine keeps the queue from trying again what cannot go better.
func quarantine(err error) error {
	if slices.ContainsFunc(hopeless, func(h error) bool { return errors.Is(err, h) }) {
		return archive.Permanent(err)
	}
	return err
}

// reportDark says when an image went without its detector's dark frames: for want of
// them, or because they cannot be read.
func (n *node) reportDark(o archive.Object, d dark.Record) {
	switch {
	case d.Err != nil:
		n.log.Warn("dark signal estimated, see \"dicomnode dark list\"", "object", o.ID, "peer", o.Source, "reason", d.Reason, "error", d.Err)
	case d.Method == "estimated":
		n.log.Info("dark signal estimated", "object", o.ID, "peer", o.Source, "reason", d.Reason)
	}
}

// learnDark does a dark job: one more dark frame of its detector.
func (n *node) learnDark(ctx context.Context, o archive.Object) error {
	img, err := decode.ReadFile(o.Path())
	if err != nil {
		return quarantine(err)
	}
	if err := n.darks.AddDark(img); err != nil {
		return quarantine(err)
	}
	n.log.Info("dark frame learnt", "object", o.ID, "peer", o.Source)
	return nil
}

// reload takes over peers, routes and retention; open associations go on.
func (n *node) reload(c configs.Config) {
	old := n.config.Load()
	merged := *old
	merged.Peers, merged.Routes, merged.Retention = c.Peers, c.Routes, c.Retention
	n.config.Store(&merged)
	n.lines.close()
	n.log.Info("configuration reloaded", "peers", len(c.Peers), "routes", len(c.Routes))
}

func (n *node) close() error { return errors.Join(n.archive.Close(), n.engine.Close()) }

// ignore drops the errors that mean the end was asked for.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
