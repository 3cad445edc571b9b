package archive_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"dicomnode/internal/archive"
)

// BenchmarkReceive stores objects of the sizes of a DX and a CR image, on one association and
// on eight in parallel. Set TMPDIR to the disk to be measured.
func BenchmarkReceive(b *testing.B) {
	for _, image := range []struct {
		name string
		size int
	}{{"DX", 10 << 20}, {"CR", 512 << 10}} {
		for _, associations := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/%d", image.name, associations), func(b *testing.B) {
				benchmarkReceive(b, image.size, associations)
			})
		}
	}
}

// benchmarkReceive makes each object from one data set by writing its number into the UID,
// whose length stays the same.
func benchmarkReceive(b *testing.B, size, associations int) {
	a := open(b, options(b.TempDir()))
	const form = "1.2.1%015d"
	model := dataset(dxClass, fmt.Sprintf(form, 0), 0, 0)
	model = append(model[:len(model)-4], binary.LittleEndian.AppendUint32(nil, uint32(size))...)
	model = append(model, bytes.Repeat([]byte{1, 2, 3, 4}, size/4)...)
	place := bytes.Index(model, []byte(fmt.Sprintf(form, 0)))
	var number atomic.Int64
	b.SetBytes(int64(len(model)))
	b.ResetTimer()
	done := make(chan struct{})
	for range associations {
		go func() {
			defer func() { done <- struct{}{} }()
			data := bytes.Clone(model)
			for n := number.Add(1); n <= int64(b.N); n = number.Add(1) {
				uid := fmt.Sprintf(form, n)
				copy(data[place:], uid)
				if _, err := a.Receive(b.Context(), incoming(uid, archive.Segment), bytes.NewReader(data)); err != nil {
					b.Error(err)
					return
				}
			}
		}()
	}
	for range associations {
		<-done
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "objects/s")
}

// BenchmarkWorkBegins measures the time from the end of Receive to the start of the job.
func BenchmarkWorkBegins(b *testing.B) {
	a := open(b, options(b.TempDir()))
	began := make(chan time.Time, 1)
	work(b, a, archive.Handlers{Dark: func(context.Context, archive.Object) error { began <- time.Now(); return nil }})
	var waited time.Duration
	for n := 1; b.Loop(); n++ {
		receive(b, a, fmt.Sprintf("1.2.%d", n), archive.Dark)
		committed := time.Now()
		waited += max((<-began).Sub(committed), 0)
	}
	b.ReportMetric(float64(waited.Microseconds())/1000/float64(b.N), "ms-to-begin/op")
}
