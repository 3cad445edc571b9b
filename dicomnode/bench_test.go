package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/trainer/simulate"
)

// BenchmarkImageToSEG measures a 2500×2048 16-bit image from the last P-DATA (when
// C-STORE is answered, which the image's last byte precedes by the disk's work) to
// the segmentation stored at the PACS, and the process's peak memory with node,
// PACS and sender in it.
func BenchmarkImageToSEG(b *testing.B) {
	ctx := context.Background()
	s, _, err := openModel(ctx, configs.Default())
	if err != nil {
		if os.Getenv("REQUIRE_ORT") == "1" {
			b.Fatal(err)
		}
		b.Skip(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	pacs, err := startPACS(ctx, "PACS", quiet)
	if err != nil {
		b.Fatal(err)
	}
	n, err := openNode(ctx, demoConfig(b.TempDir(), pacs.addr.Host), quiet)
	if err != nil {
		b.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	serving, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- n.Serve(serving, ln) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
		if err := n.close(); err != nil {
			b.Error(err)
		}
		if err := pacs.stop(ctx); err != nil {
			b.Error(err)
		}
	})
	modality := (&testNode{node: n, addr: ln.Addr().String()}).as("MODALITY", "XNET")
	images, _, err := simulate.RunDX(ctx, simulate.DXOptions{Out: b.TempDir(), Count: b.N, Rows: 2500, Columns: 2048})
	if err != nil {
		b.Fatal(err)
	}
	var toSEG time.Duration
	b.ResetTimer()
	for _, file := range images {
		results, err := modality.storeFiles(ctx, []string{file}, func() {})
		if err != nil || results[0].Error != "" {
			b.Fatal(err, results)
		}
		answered := time.Now()
		<-pacs.objects
		toSEG += time.Since(answered)
	}
	b.StopTimer()
	b.ReportMetric(toSEG.Seconds()*1000/float64(b.N), "ms-to-SEG")
	b.ReportMetric(peakMemory(b), "peak-MB")
}

// peakMemory is VmHWM of this process in MB.
func peakMemory(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
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
