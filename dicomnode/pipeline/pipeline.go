package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"dicomnode/configs"
	"dicomnode/internal/archive"
	"dicomnode/internal/uid"
	"dicomnode/model"
	"dicomnode/scp"
	"dicomnode/segment"
	"dicomnode/segment/dark"
	"dicomnode/segment/picture"
	"dicomnode/segment/seg"
)

var _ segment.Predictor = (*model.Session)(nil)

// A model must have the side of the pictures it is shown; this is a constant below zero where
// it has another.
const _ = uint(model.Size-picture.Side) + uint(picture.Side-model.Size)

// archiveDir is where the index and the objects are.
func archiveDir(c configs.Config) string { return filepath.Join(c.Node.DataDir, "archive") }

// darkDir is where the detectors' dark frames are.
func darkDir(c configs.Config) string { return filepath.Join(c.Node.DataDir, "dark") }

// modelStore is where the published models are.
func modelStore(c configs.Config) model.Store {
	return model.Store{Dir: filepath.Join(c.Node.DataDir, "models")}
}

// openNode prepares everything that Serve runs; close it afterwards.
func openNode(ctx context.Context, c configs.Config, log *slog.Logger) (*node, error) {
	e, err := openEngine(ctx, c, log)
	if err != nil {
		return nil, err
	}
	darks, _ := e.pipeline.Calibration.(*dark.Store)
	a, err := archive.Open(ctx, archive.Options{Dir: archiveDir(c), Log: log,
		ImplementationClassUID: uid.Implementation, ImplementationVersionName: uid.ImplementationVersionName})
	if err != nil {
		return nil, errors.Join(hinted(fmt.Errorf("open archive: %w", err), "see node: {data_dir: …}; one node uses a folder at a time"), e.Close())
	}
	n := &node{log: log, archive: a, engine: e, darks: darks}
	n.config.Store(&c)
	n.lines = &lines{dial: n.dial}
	n.server = newServer(c, n, log)
	return n, nil
}

func newServer(c configs.Config, backend scp.Backend, log *slog.Logger) *scp.Server {
	return &scp.Server{
		Backend: backend, Contexts: supportedContexts(), Log: log,
		MaxPDULength: c.Network.MaxPDULength, MaxAssociations: c.Network.MaxAssociations, MaxAssociationsPerPeer: c.Network.MaxAssociationsPerPeer,
		AssociationTimeout: c.Network.RequestTimeout, IdleTimeout: c.Network.IdleTimeout,
		ReadTimeout: c.Network.ReadTimeout, WriteTimeout: c.Network.WriteTimeout, ShutdownTimeout: shutdownTime,
	}
}

func newDialer(c configs.Config) *scp.Dialer {
	return &scp.Dialer{
		Calling: c.Node.AETitle, MaxPDULength: c.Network.MaxPDULength, DialTimeout: c.Network.ConnectTimeout,
		AssociationTimeout: c.Network.RequestTimeout, ResponseTimeout: c.Network.ReadTimeout, WriteTimeout: c.Network.WriteTimeout,
	}
}

// dial associates with a destination under the configuration of the moment.
func (n *node) dial(ctx context.Context, p configs.Peer, proposals ...scp.Proposal) (*scp.Client, error) {
	return newDialer(*n.config.Load()).Dial(ctx, addrOf(p), proposals...)
}

// openPipeline opens the models and the dark frames of a configuration.
func openPipeline(ctx context.Context, c configs.Config) (p *segment.Pipeline, closeModels func() error, err error) {
	s, m, err := openModel(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	field, err := openField(c)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	closeModels = func() error { return errors.Join(s.Close(), field.Close()) }
	darks, err := dark.Open(darkDir(c))
	if err != nil {
		return nil, nil, errors.Join(err, closeModels())
	}
	return &segment.Pipeline{
		Predictor: s, Model: m, Field: field, FieldDigest: field.Digest(), Calibration: darks,
		Config: segmentConfig(c, s.Card()),
	}, closeModels, nil
}

// segOptions says how this node signs its segmentations.
func segOptions(c configs.Config) seg.Options {
	return seg.Options{
		Profile: seg.Profile(c.Segmentation.Profile), Manufacturer: "dicomnode", ProductName: "XNet Node",
		DeviceSerialNumber: c.Node.AETitle, Version: version,
	}
}
