// Package pacs is a small receiving PACS on loopback, for the demonstration and for
// tests: it hands segmentations on in memory and keeps nothing.
package pacs

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

	"dicomnode/configs"
	"dicomnode/dicomnode/offline"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// MaxObject is the longest data set, in bytes, that a PACS takes.
const MaxObject = 64 << 20

// PACS is a running one. Who started it receives from Objects until Stop.
type PACS struct {
	Addr    scp.Addr // of loopback
	Objects chan Object
	server  *scp.Server
	done    chan error
}

// Object is a data set as it arrived, in Explicit VR Little Endian.
type Object struct {
	SOPInstanceUID string
	Dataset        []byte
}

// Start listens on a free port of loopback until stop.
func Start(ctx context.Context, aeTitle string, log *slog.Logger) (*PACS, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start PACS: %w", err)
	}
	p := &PACS{Addr: scp.Addr{AETitle: aeTitle, Host: ln.Addr().String()}, Objects: make(chan Object), done: make(chan error, 1)}
	p.server = &scp.Server{AETitles: []string{aeTitle}, Backend: p, Log: log, Contexts: []scp.SupportedContext{
		{AbstractSyntax: uid.SegmentationStorage, TransferSyntaxes: []string{uid.ExplicitVRLittleEndian}}}}
	go func() { p.done <- p.server.Serve(ctx, ln) }()
	return p, nil
}

// Stop ends the PACS; objects must not be waited for any more.
func (p *PACS) Stop(ctx context.Context) error {
	return errors.Join(p.server.Shutdown(ctx), <-p.done)
}

// NewSession admits everybody: only loopback reaches it.
func (p *PACS) NewSession(context.Context, scp.Peer) (scp.Session, error) { return p, nil }

// Store reads the object and hands it on.
func (p *PACS) Store(ctx context.Context, req scp.StoreRequest, r io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(r, MaxObject+1))
	if err != nil {
		return err
	}
	if len(b) > MaxObject {
		return &scp.StatusError{Status: scp.OutOfResources, Comment: "object too large"}
	}
	select {
	case p.Objects <- Object{req.SOPInstanceUID, b}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends an association.
func (p *PACS) Close() error { return nil }

// Source is the SOP Instance UID of the image that a segmentation was made from:
// Referenced SOP Instance UID in its Source Image Sequence (0008,2112).
func (o Object) Source() (string, error) {
	ds, err := parseDataset(o.Dataset)
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

// Part10 is the object as a file (PS3.10 7.1).
func (o Object) Part10() []byte {
	var b bytes.Buffer
	_ = offline.WriteMeta(&b, uid.SegmentationStorage, o.SOPInstanceUID) // a buffer takes everything; a bad UID would have been refused on receipt
	b.Write(o.Dataset)
	return b.Bytes()
}

// NodeConfig is a node of the application entity XNET that keeps its data in dir, segments
// what MODALITY sends from loopback and delivers to the application entity PACS at address,
// a host:port.
func NodeConfig(dir, address string) configs.Config {
	c := configs.Default()
	c.Node.DataDir = dir
	c.Peers = []configs.Peer{
		{Name: "modality", AETitle: "MODALITY", Address: "127.0.0.1"},
		{Name: "pacs", AETitle: "PACS", Address: address},
	}
	c.Routes = []configs.Route{{Name: "radiographs", Criteria: configs.Criteria{From: []string{"modality"}}, Outputs: []string{"seg"}, SendTo: []string{"pacs"}}}
	return c
}
