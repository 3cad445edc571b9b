// Package nodetest makes what tests of the node need: images, other DICOM programs, PACSs
// that keep what they receive, and a node in a process of its own. It is no part of the
// product.
package nodetest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/dicomnode/demo/pacs"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/dicomnode/scu"
)

// Time bounds one wait of a test that talks to a node; most take a second, but for a
// machine that does much else.
const Time = 4 * time.Minute

// RequireModel skips a test where ONNX Runtime is not there, and fails it where
// it must be.
func RequireModel(t testing.TB) {
	t.Helper()
	err := model()
	if err != nil && os.Getenv("REQUIRE_ORT") == "1" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
}

// model tells once in a process whether the embedded model can be opened.
var model = sync.OnceValue(func() error {
	s, _, err := pipeline.OpenModel(configs.Default())
	if err != nil {
		return err
	}
	return s.Close()
})

// Buffer collects a log that several goroutines write.
type Buffer struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write implements io.Writer.
func (l *Buffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is what was written so far.
func (l *Buffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Config is pacs.NodeConfig of a [Light] node.
func Config(dir, pacsAddress string) configs.Config { return Light(pacs.NodeConfig(dir, pacsAddress)) }

// Calling is the application entity called at host:port, as calling calls it.
func Calling(calling, called, address string) scu.Destination {
	c := configs.Default()
	c.Node.AETitle = calling
	return scu.Destination{Config: c, Peer: configs.Peer{Name: "node", AETitle: called, Address: address}}
}

// Store sends files, each of which must be taken.
func Store(t *testing.T, d scu.Destination, files []string) {
	t.Helper()
	results, err := d.StoreFiles(t.Context(), files, func() {})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Error != "" {
			t.Fatalf("%s: %s", filepath.Base(r.File), r.Error)
		}
	}
}

// NewPACS runs a small PACS of the application entity PACS until the test ends.
func NewPACS(t *testing.T) *pacs.PACS {
	t.Helper()
	p, err := pacs.Start(context.Background(), "PACS", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(context.Background()); err != nil {
			t.Errorf("PACS: %v", err)
		}
	})
	return p
}

// Receive waits for the segmentations of n images, by source SOP Instance UID.
func Receive(t *testing.T, p *pacs.PACS, n int) map[string]pacs.Object {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Time)
	defer cancel()
	got := map[string]pacs.Object{}
	for len(got) < n {
		select {
		case o := <-p.Objects:
			uid, err := o.Source()
			if err != nil {
				t.Fatal(err)
			}
			if _, twice := got[uid]; twice {
				t.Errorf("two segmentations of one image")
			}
			got[uid] = o
		case <-ctx.Done():
			t.Fatalf("%d of %d segmentations came back", len(got), n)
		}
	}
	return got
}
