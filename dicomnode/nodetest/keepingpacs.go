package nodetest

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

	"dicomnode/dicomnode/demo/pacs"
	"dicomnode/internal/durable"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// KeepingPACS keeps what it receives in files, one for each SOP instance, as a
// PACS does: a repeat must be the same bytes.
type KeepingPACS struct {
	Address string // host:port
	dir     string
	entry   string // what its entry in a configuration has besides
	// Answer, when set, is called between storing an object and answering; n counts
	// the objects from 1.
	Answer func(n int)

	mu       sync.Mutex
	stored   map[string]string // SOP Instance UID to that of the source image
	at       map[string]time.Time
	Arrivals int
	Repeats  int
	Changed  int // repeats that were not the same bytes
}

// NewKeepingPACS listens on loopback until the test ends.
func NewKeepingPACS(t testing.TB) *KeepingPACS {
	t.Helper()
	return newKeepingPACS(t, func(ln net.Listener) net.Listener { return ln })
}

// NewSecureKeepingPACS speaks DICOM TLS, with the certificate "pacs" of the site.
func NewSecureKeepingPACS(t testing.TB, s Site) *KeepingPACS {
	t.Helper()
	return newKeepingPACS(t, func(ln net.Listener) net.Listener { return s.Listener(t, ln, "pacs") })
}

func newKeepingPACS(t testing.TB, secure func(net.Listener) net.Listener) *KeepingPACS {
	t.Helper()
	p := &KeepingPACS{dir: t.TempDir(), stored: map[string]string{}, at: map[string]time.Time{}}
	p.Address = servePACS(t, p, secure, scp.SupportedContext{AbstractSyntax: uid.SegmentationStorage, TransferSyntaxes: []string{uid.ExplicitVRLittleEndian}})
	return p
}

// servePACS serves the application entity PACS on loopback until the test ends and
// returns its host:port.
func servePACS(t testing.TB, backend scp.Backend, secure func(net.Listener) net.Listener, contexts ...scp.SupportedContext) (address string) {
	t.Helper()
	return serveAE(t, "PACS", backend, secure, contexts...)
}

// serveAE is servePACS for another application entity title.
func serveAE(t testing.TB, title string, backend scp.Backend, secure func(net.Listener) net.Listener, contexts ...scp.SupportedContext) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &scp.Server{AETitles: []string{title}, Backend: backend, Log: slog.New(slog.DiscardHandler), Contexts: contexts}
	done := make(chan error, 1)
	go func() { done <- server.Serve(context.Background(), secure(ln)) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Time)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("%s: %v", title, err)
		}
		<-done
	})
	return ln.Addr().String()
}

func (p *KeepingPACS) NewSession(context.Context, scp.Peer) (scp.Session, error) { return p, nil }

func (p *KeepingPACS) Close() error { return nil }

// Store keeps the object and then answers.
func (p *KeepingPACS) Store(_ context.Context, req scp.StoreRequest, r io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(r, pacs.MaxObject))
	if err != nil {
		return err
	}
	n, err := p.keep(req.SOPInstanceUID, b)
	if err == nil && p.Answer != nil {
		p.Answer(n)
	}
	return err
}

func (p *KeepingPACS) keep(instance string, b []byte) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Arrivals++
	path := filepath.Join(p.dir, instance)
	if _, ok := p.stored[instance]; ok {
		p.Repeats++
		have, err := os.ReadFile(path)
		if !bytes.Equal(have, b) {
			p.Changed++
		}
		return p.Arrivals, err
	}
	source, err := pacs.Object{SOPInstanceUID: instance, Dataset: b}.Source()
	if err != nil {
		return p.Arrivals, err
	}
	if err := durable.ReplaceBytes(path, 0o644, b); err != nil {
		return p.Arrivals, err
	}
	p.stored[instance], p.at[source] = source, time.Now()
	return p.Arrivals, nil
}

// Sources counts the segmentations that are kept, by source image.
func (p *KeepingPACS) Sources() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := map[string]int{}
	for _, source := range p.stored {
		counts[source]++
	}
	return counts
}

// StoredAt is when the first segmentation of an image was stored.
func (p *KeepingPACS) StoredAt(source string) (at time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok = p.at[source]
	return at, ok
}

// PeersAndRoutes make a node send the images of MODALITY to the PACS.
func (p *KeepingPACS) PeersAndRoutes() string {
	return fmt.Sprintf(`peers:
  - {name: modality, ae_title: MODALITY, address: 127.0.0.1}
  - {name: pacs, ae_title: PACS, address: %q%s}
routes:
  - {name: radiographs, from: [modality], outputs: [seg], send_to: [pacs]}
`, p.Address, p.entry)
}

// SecurePeersAndRoutes are the same for a node that knows both by their certificates.
func (p *KeepingPACS) SecurePeersAndRoutes(s Site) string {
	return s.YAML() + fmt.Sprintf(`peers:
  - {name: modality, ae_title: MODALITY, address: 127.0.0.1, tls: {name: modality}}
  - {name: pacs, ae_title: PACS, address: %q, tls: {name: pacs}%s}
routes:
  - {name: radiographs, from: [modality], outputs: [seg], send_to: [pacs]}
`, p.Address, p.entry)
}
