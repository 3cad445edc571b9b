package step

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"dicomnode/model"
	"dicomnode/model/ort"
)

// benchmarkSize is that of the pictures of benchmarks, with -short a small one.
func benchmarkSize() int {
	if testing.Short() {
		return 56
	}
	return model.Size
}

// BenchmarkStep is the time of one training step of five pictures, on the
// standard path and, where the processor has it, on the fast one.
func BenchmarkStep(b *testing.B) {
	needRuntime(b)
	for _, net := range []model.Network{model.XNet(16), model.Network{Architecture: "segnet-basic", Width: 16}, model.Network{Architecture: "u-net", Width: 16}} {
		for _, block := range slices.Compact([]int{0, FastBlock(net)}) {
			benchmarkStep(b, Shape{Net: net, Batch: 5, Size: benchmarkSize(), Block: block, ChannelMajor: block == 0})
		}
	}
}

func benchmarkStep(b *testing.B, shape Shape) {
	path := "standard"
	if shape.Block != 0 {
		path = "fast"
	}
	b.Run(shape.Net.String()+"/"+path, func(b *testing.B) {
		step, err := New(shape, 5e-4, false, Fresh(shape.Net.Init(1)), ort.Options{Device: ort.CPU, IntraOpSpinning: true, Threads: runtime.GOMAXPROCS(0)})
		if err != nil {
			b.Fatal(err)
		}
		defer close0(b, step)
		pictures := randomBatch(b, shape, random(1, 1))
		defer close0(b, pictures)
		for b.Loop() {
			if _, err := step.single(context.Background(), pictures, 1e-4); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkMerged makes steps with and without doubled and joined maps in turn, on one thread so
// that they suffer alike from what else runs, and tells the ratio of the quickest.
func BenchmarkMerged(b *testing.B) {
	needRuntime(b)
	net := model.XNet(16)
	for _, block := range slices.Compact([]int{0, FastBlock(net)}) {
		b.Run(fmt.Sprint("block", block), func(b *testing.B) {
			var least [2]time.Duration
			var steppers [2]*Stepper
			shape := Shape{Net: net, Batch: 5, Size: benchmarkSize(), Block: block, ChannelMajor: block == 0}
			pictures := randomBatch(b, shape, random(1, 1))
			defer close0(b, pictures)
			for i := range steppers {
				shape.apart = i == 1
				var err error
				if steppers[i], err = New(shape, 5e-4, false, Fresh(net.Init(1)), ort.Options{Device: ort.CPU, Threads: 1}); err != nil {
					b.Fatal(err)
				}
				defer close0(b, steppers[i])
			}
			for b.Loop() {
				for i, s := range steppers {
					start := time.Now()
					if _, err := s.single(context.Background(), pictures, 1e-4); err != nil {
						b.Fatal(err)
					}
					if took := time.Since(start); least[i] == 0 || took < least[i] {
						least[i] = took
					}
				}
			}
			b.ReportMetric(float64(least[0])/float64(least[1]), "merged/apart")
			b.ReportMetric(float64(least[0].Milliseconds()), "ms-merged")
		})
	}
}

// BenchmarkTogether is the time of a step of those made in one run of the graph.
func BenchmarkTogether(b *testing.B) {
	needRuntime(b)
	for _, together := range []int{1, 4} {
		shape := Shape{Net: model.XNet(16), Batch: 5, Size: benchmarkSize(), Steps: together, ChannelMajor: true}
		b.Run(fmt.Sprint(together), func(b *testing.B) {
			step, err := New(shape, 5e-4, false, Fresh(shape.Net.Init(1)), ort.Options{Device: ort.CPU, IntraOpSpinning: true, Threads: runtime.GOMAXPROCS(0)})
			if err != nil {
				b.Fatal(err)
			}
			defer close0(b, step)
			pictures, err := NewBatch(shape)
			if err != nil {
				b.Fatal(err)
			}
			defer close0(b, pictures)
			pictures.Steps = together
			avg := NewAverage(0.99, step.Parameters())
			for b.Loop() {
				if _, err := step.Run(context.Background(), pictures, make([]float64, together), avg); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N*together), "ms/step")
		})
	}
}
