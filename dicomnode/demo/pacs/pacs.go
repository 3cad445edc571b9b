package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// maxReceived bounds, in bytes, one object that the demonstration's PACS takes.
const maxReceived = 64 << 20

// smallPACS receives segmentations on loopback and hands them on in memory. It is
// for the demonstration and the tests, not for keeping anything.
type smallPACS struct {
	addr    scp.Addr
	objects chan receivedObject
	server  *scp.Server
	done    chan error
}

// receivedObject is a data set as it arrived, in Explicit VR Little Endian.
type receivedObject struct {
	sopInstanceUID string
	dataset        []byte
}

// startPACS listens on a free port of loopback until stop.
func startPACS(ctx context.Context, aeTitle string, log *slog.Logger) (*smallPACS, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start PACS: %w", err)
	}
	p := &smallPACS{addr: scp.Addr{AETitle: aeTitle, Host: ln.Addr().String()}, objects: make(chan receivedObject), done: make(chan error, 1)}
	p.server = &scp.Server{AETitles: []string{aeTitle}, Backend: p, Log: log, Contexts: []scp.SupportedContext{
		{AbstractSyntax: uid.SegmentationStorage, TransferSyntaxes: []string{uid.ExplicitVRLittleEndian}}}}
	go func() { p.done <- p.server.Serve(ctx, ln) }()
	return p, nil
}

// stop ends the PACS; objects must not be waited for any more.
func (p *smallPACS) stop(ctx context.Context) error {
	return errors.Join(p.server.Shutdown(ctx), <-p.done)
}

// NewSession admits everybody: only loopback reaches it.
func (p *smallPACS) NewSession(context.Context, scp.Peer) (scp.Session, error) { return p, nil }

// Store reads the object and hands it on.
func (p *smallPACS) Store(ctx context.Context, req scp.StoreRequest, r io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(r, maxReceived+1))
	if err != nil {
		return err
	}
	if len(b) > maxReceived {
		return &scp.StatusError{Status: scp.OutOfResources, Comment: "object too large"}
	}
	select {
	case p.objects <- receivedObject{req.SOPInstanceUID, b}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends an association.
func (p *smallPACS) Close() error { return nil }

// source is the SOP Instance UID of the image that a segmentation was made from:
// Referenced SOP Instance UID in its Source Image Sequence (0008,2112).
func (o receivedObject) source() (string, error) {
	ds, err := parseDataset(o.dataset)
	if err != nil {
		return "", err
	}
	sequence, err := ds.FindElementByTag(tag.SourceImageSequence)
	if err != nil {
		return "", fmt.Errorf("read segmentation: %w", err)
	}
	items, ok := sequence.Value.GetValue().([]*dicom.SequenceItemValue)
	if !ok || len(items) == 0 {
		return "", errors.New("read segmentation: Source Image Sequence is empty")
	}
	elements, ok := items[0].GetValue().([]*dicom.Element)
	if !ok {
		return "", errors.New("read segmentation: Source Image Sequence has no item")
	}
	for _, e := range elements {
		if values, ok := e.Value.GetValue().([]string); ok && e.Tag == tag.ReferencedSOPInstanceUID && len(values) == 1 {
			return values[0], nil
		}
	}
	return "", errors.New("read segmentation: no source image")
}

// parseDataset reads a data set without file meta information, but its pixels.
func parseDataset(b []byte) (dicom.Dataset, error) {
	ds, err := dicom.Parse(bytes.NewReader(b), int64(len(b)), nil, dicom.SkipMetadataReadOnNewParserInit(), dicom.SkipPixelData())
	if err != nil {
		return ds, fmt.Errorf("read segmentation: %w", err)
	}
	return ds, nil
}
