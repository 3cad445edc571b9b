package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/scu"
	"dicomnode/internal/part10"
	"dicomnode/scp"
)

// BenchmarkImageToSEG measures how long after the last P-DATA of a 2500×2048 16-bit
// image its segmentation is stored at the PACS, on its disk, and the peak resident
// memory of the node, which runs as its own process. Sender and PACS are not in it.
// The first image finds the node as a start left it.
func BenchmarkImageToSEG(b *testing.B) {
	pacs := nodetest.NewKeepingPACS(b)
	node := nodetest.NewWholeProcess(b, pacs.PeersAndRoutes())
	node.Start(b)
	var toSEG, toAnswer []time.Duration
	b.ResetTimer()
	for i := range b.N {
		b.StopTimer()
		image := nodetest.Image{Name: "large-" + strconv.Itoa(i), Rows: 2500, Cols: 2048}
		file := image.File(b, b.TempDir())
		b.StartTimer()
		last, answered := storeTimed(b, node.As("MODALITY"), file)
		var at time.Time
		nodetest.Until(b, "a segmentation", func() (ok bool) { at, ok = pacs.StoredAt(image.Instance()); return ok })
		toSEG, toAnswer = append(toSEG, at.Sub(last)), append(toAnswer, answered.Sub(last))
	}
	b.StopTimer()
	b.ReportMetric(milliseconds(median(toSEG)), "ms-to-SEG")
	b.ReportMetric(milliseconds(slices.Max(toSEG)), "ms-to-SEG-max")
	b.ReportMetric(milliseconds(median(toAnswer)), "ms-to-0000")
	b.ReportMetric(peakMemory(b, node.PID()), "node-peak-MiB")
	node.Stop(b)
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

// storeTimed sends a file and returns when the last P-DATA was handed to the
// network and when the answer came.
func storeTimed(b *testing.B, d scu.Destination, path string) (last, answered time.Time) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), nodetest.Time)
	defer cancel()
	h, err := scu.ReadHeader(path)
	if err != nil {
		b.Fatal(err)
	}
	client, err := d.Dial(ctx, scu.Proposals([]part10.Header{h})...)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Abort() // no effect after Release
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(h.DatasetOffset, io.SeekStart); err != nil {
		b.Fatal(err)
	}
	r := &ended{r: f}
	status, err := client.Store(ctx, scp.StoreRequest{SOPClassUID: h.SOPClassUID, SOPInstanceUID: h.SOPInstanceUID, TransferSyntaxUID: h.TransferSyntaxUID}, r)
	if err != nil || status != scp.Success {
		b.Fatalf("store: status %04X, %v", uint16(status), err)
	}
	answered = time.Now()
	if err := client.Release(ctx); err != nil {
		b.Fatal(err)
	}
	return r.at, answered
}

// ended notes when its reader ended. The last P-DATA is written right after that,
// so the clock starts a little too early, never too late.
type ended struct {
	r  io.Reader
	at time.Time
}

func (e *ended) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err == io.EOF {
		e.at = time.Now()
	}
	return n, err
}

// peakMemory is VmHWM of a process in MiB.
func peakMemory(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip(err)
	}
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kb, err := strconv.ParseFloat(strings.Fields(string(value))[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kb / 1024
		}
	}
	b.Fatal("no VmHWM")
	return 0
}
