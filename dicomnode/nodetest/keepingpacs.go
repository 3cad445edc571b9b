package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"dicomnode/internal/durable"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// keepingPACS keeps what it receives in files, one for each SOP instance, as a
// PACS does: a repeat must be the same bytes.
type keepingPACS struct {
	address string // host:port
	dir     string
	// answer, when set, is called between storing an object and answering; n counts
	// the objects from 1.
	answer func(n int)

	mu       sync.Mutex
	stored   map[string]string // SOP Instance UID to that of the source image
	at       map[string]time.Time
	arrivals int
	repeats  int
	changed  int // repeats that were not the same bytes
}

// newKeepingPACS listens on loopback until the test ends.
func newKeepingPACS(t testing.TB) *keepingPACS {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &keepingPACS{address: ln.Addr().String(), dir: t.TempDir(), stored: map[string]string{}, at: map[string]time.Time{}}
	server := &scp.Server{AETitles: []string{"PACS"}, Backend: p, Log: slog.New(slog.DiscardHandler), Contexts: []scp.SupportedContext{
		{AbstractSyntax: uid.SegmentationStorage, TransferSyntaxes: []string{uid.ExplicitVRLittleEndian}}}}
	done := make(chan error, 1)
	go func() { done <- server.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("PACS: %v", err)
		}
		<-done
	})
	return p
}

func (p *keepingPACS) NewSession(context.Context, scp.Peer) (scp.Session, error) { return p, nil }

func (p *keepingPACS) Close() error { return nil }

// Store keeps the object and then answers.
func (p *keepingPACS) Store(_ context.Context, req scp.StoreRequest, r io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(r, maxReceived))
	if err != nil {
		return err
	}
	n, err := p.keep(req.SOPInstanceUID, b)
	if err == nil && p.answer != nil {
		p.answer(n)
	}
	return err
}

func (p *keepingPACS) keep(instance string, b []byte) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arrivals++
	path := filepath.Join(p.dir, instance)
	if _, ok := p.stored[instance]; ok {
		p.repeats++
		have, err := os.ReadFile(path)
		if !bytes.Equal(have, b) {
			p.changed++
		}
		return p.arrivals, err
	}
	source, err := receivedObject{instance, b}.source()
	if err != nil {
		return p.arrivals, err
	}
	if err := writeSynced(path, b); err != nil {
		return p.arrivals, err
	}
	p.stored[instance], p.at[source] = source, time.Now()
	return p.arrivals, nil
}

func writeSynced(path string, b []byte) error {
	return durable.Replace(path, 0o644, func(w io.Writer) error {
		if _, err := w.Write(b); err != nil {
			return err
		}
		return w.(*os.File).Sync()
	})
}

// sources counts the segmentations that are kept, by source image.
func (p *keepingPACS) sources() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := map[string]int{}
	for _, source := range p.stored {
		counts[source]++
	}
	return counts
}

// storedAt is when the first segmentation of an image was stored.
func (p *keepingPACS) storedAt(source string) (at time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok = p.at[source]
	return at, ok
}

// peersAndRoutes make a node send the images of MODALITY to the PACS.
func (p *keepingPACS) peersAndRoutes() string {
	return fmt.Sprintf(`peers:
  - {name: modality, ae_title: MODALITY, address: 127.0.0.1}
  - {name: pacs, ae_title: PACS, address: %q}
routes:
  - {name: radiographs, from: [modality], outputs: [seg], send_to: [pacs]}
`, p.address)
}
