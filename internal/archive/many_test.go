package archive_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

// manyJobs is the number of waiting jobs in the benchmarks, smaller with -short.
func manyJobs() int {
	if testing.Short() {
		return 200
	}
	return 10_000
}

// crowded returns the folder of an archive with manyJobs() waiting jobs.
func crowded(b *testing.B) (dir string) {
	b.Helper()
	dir = durabletest.Dir(b)
	a, err := archive.Open(b.Context(), options(dir))
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 32 {
		wg.Go(func() {
			for n := w; n < manyJobs(); n += 32 {
				instance := fmt.Sprintf("1.2.%d", n+1)
				if _, err := a.Receive(context.Background(), incoming(instance, archive.Segment), bytes.NewReader(dataset(dxClass, instance, 100, 7))); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := a.Close(); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkQueueOfMany measures "queue list" with 10,000 waiting jobs.
func BenchmarkQueueOfMany(b *testing.B) {
	dir := crowded(b)
	for b.Loop() {
		a, err := archive.OpenShared(b.Context(), options(dir))
		if err != nil {
			b.Fatal(err)
		}
		if entries, err := a.Queue(b.Context()); err != nil || len(entries) != manyJobs() {
			b.Fatalf("%d jobs, %v", len(entries), err)
		}
		if err := a.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStartWithMany measures the start of a node until its first job begins, with 10,000
// waiting jobs.
func BenchmarkStartWithMany(b *testing.B) {
	dir := crowded(b)
	for b.Loop() {
		a, err := archive.Open(b.Context(), options(dir))
		if err != nil {
			b.Fatal(err)
		}
		began := make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan error, 1)
		go func() {
			done <- a.Work(ctx, archive.Handlers{Segment: func(ctx context.Context, _ archive.Object) (archive.Made, error) {
				select {
				case began <- struct{}{}:
				default:
				}
				<-ctx.Done()
				return archive.Made{}, ctx.Err()
			}})
		}()
		<-began
		b.StopTimer()
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
		if err := a.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
