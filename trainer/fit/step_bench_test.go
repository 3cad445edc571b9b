package fit

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"dicomnode/model"
	"dicomnode/model/ort"
	"dicomnode/trainer/dataset"
)

// BenchmarkStep is the time of one training step of five pictures, on the
// standard path and, where the processor has it, on the fast one.
func BenchmarkStep(b *testing.B) {
	needRuntime(b)
	for _, net := range []model.Network{model.XNet(16), model.SegNetBasic(16), model.UNet(16)} {
		for _, block := range slices.Compact([]int{0, fastBlock(net)}) {
			benchmarkStep(b, shapeOf{net: net, batch: 5, size: dataset.Side, block: block, channelMajor: block == 0})
		}
	}
}

func benchmarkStep(b *testing.B, shape shapeOf) {
	path := "standard"
	if shape.block != 0 {
		path = "fast"
	}
	b.Run(shape.net.String()+"/"+path, func(b *testing.B) {
		step, err := newStepper(shape, 5e-4, false, fresh(shape.net.Init(1)), ort.Options{Device: ort.CPU, IntraOpSpinning: true, Threads: runtime.GOMAXPROCS(0)})
		if err != nil {
			b.Fatal(err)
		}
		defer close0(b, step)
		pictures := randomBatch(b, shape, random(1, 1))
		defer close0(b, pictures)
		for b.Loop() {
			if _, err := step.run(context.Background(), pictures, 1e-4); err != nil {
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
	for _, block := range slices.Compact([]int{0, fastBlock(net)}) {
		b.Run(fmt.Sprint("block", block), func(b *testing.B) {
			var least [2]time.Duration
			var steppers [2]*stepper
			shape := shapeOf{net: net, batch: 5, size: dataset.Side, block: block, channelMajor: block == 0}
			pictures := randomBatch(b, shape, random(1, 1))
			defer close0(b, pictures)
			for i := range steppers {
				shape.apart = i == 1
				var err error
				if steppers[i], err = newStepper(shape, 5e-4, false, fresh(net.Init(1)), ort.Options{Device: ort.CPU, Threads: 1}); err != nil {
					b.Fatal(err)
				}
				defer close0(b, steppers[i])
			}
			for b.Loop() {
				for i, s := range steppers {
					start := time.Now()
					if _, err := s.run(context.Background(), pictures, 1e-4); err != nil {
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
		shape := shapeOf{net: model.XNet(16), batch: 5, size: dataset.Side, steps: together, channelMajor: true}
		b.Run(fmt.Sprint(together), func(b *testing.B) {
			step, err := newStepper(shape, 5e-4, false, fresh(shape.net.Init(1)), ort.Options{Device: ort.CPU, IntraOpSpinning: true, Threads: runtime.GOMAXPROCS(0)})
			if err != nil {
				b.Fatal(err)
			}
			defer close0(b, step)
			pictures, err := newBatch(shape)
			if err != nil {
				b.Fatal(err)
			}
			defer close0(b, pictures)
			pictures.steps = together
			avg := newAverage(0.99, step.parameters())
			for b.Loop() {
				if _, err := step.several(context.Background(), pictures, make([]float64, together), avg); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N*together), "ms/step")
		})
	}
}
