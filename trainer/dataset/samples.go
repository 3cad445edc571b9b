package dataset

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
)

// SampleBytes is the memory that the picture and label of a [Sample] take.
const SampleBytes = 3 * Side * Side

// Samples are items of folders as XNet sees them, each decoded when it is asked
// for. The first ones that were asked for stay in memory, up to a number: data
// that are gone through again and again profit as much from these as from the
// latest, and what is held never grows past them. The folders must not change
// meanwhile. Sample may be called concurrently.
type Samples struct {
	// Load reads an item; nil: [Folder.Load]. It is set before the first Sample.
	Load func(*Folder, Item) (*Picture, error)

	folders []*Folder
	items   []Item
	of      []int // folder of each item
	kept    []atomic.Pointer[Sample]
	room    atomic.Int64 // for so many more
}

// Add appends items of f, which s then closes.
func (s *Samples) Add(f *Folder, items []Item) {
	for range items {
		s.of = append(s.of, len(s.folders))
	}
	s.folders, s.items = append(s.folders, f), append(s.items, items...)
}

// Keep lets up to n samples stay in memory. It is called once, after the last Add
// and before the first Sample.
func (s *Samples) Keep(n int) {
	s.kept = make([]atomic.Pointer[Sample], len(s.items))
	s.room.Store(int64(n))
}

// Len is the number of samples.
func (s *Samples) Len() int { return len(s.items) }

// Sample returns sample i, which must not be changed.
func (s *Samples) Sample(i int) (*Sample, error) {
	if s.kept != nil {
		if kept := s.kept[i].Load(); kept != nil {
			return kept, nil
		}
	}
	f, load := s.folders[s.of[i]], s.Load
	if load == nil {
		load = (*Folder).Load
	}
	p, err := load(f, s.items[i])
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", f.Dir, err)
	}
	made := NewSample(s.items[i], p)
	if s.kept == nil || s.room.Add(-1) < 0 {
		return made, nil
	}
	if !s.kept[i].CompareAndSwap(nil, made) { // another goroutine was first
		s.room.Add(1)
	}
	return made, nil
}

// All yields the samples in their order and decodes up to ahead of them at a time
// in goroutines of its own. It ends with the first that cannot be read, or ctx's
// error.
func (s *Samples) All(ctx context.Context, ahead int) iter.Seq2[*Sample, error] {
	return func(yield func(*Sample, error) bool) {
		inner, cancel := context.WithCancel(ctx)
		queue := s.decode(inner, max(1, ahead)-1)
		defer func() { // no goroutine outlives the loop
			cancel()
			for next := range queue {
				<-next
			}
		}()
		for next := range queue {
			got := <-next
			if ctx.Err() != nil {
				break
			}
			if !yield(got.sample, got.err) || got.err != nil {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(nil, err)
		}
	}
}

type decoded struct {
	sample *Sample
	err    error
}

// decode starts to decode all samples, with at most waiting whose turn is not yet
// beside the one whose turn it is. Each channel holds one.
func (s *Samples) decode(ctx context.Context, waiting int) <-chan chan decoded {
	queue := make(chan chan decoded, waiting)
	go func() {
		defer close(queue)
		for i := range s.items {
			next := make(chan decoded, 1)
			select {
			case queue <- next:
			case <-ctx.Done():
				return
			}
			go func() {
				sample, err := s.Sample(i)
				next <- decoded{sample, err}
			}()
		}
	}()
	return queue
}

// Close closes the folders.
func (s *Samples) Close() error {
	var errs []error
	for _, f := range s.folders {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
