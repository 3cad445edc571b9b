package fit

import (
	"context"
	"testing"

	"dicomnode/model"
	"dicomnode/model/ort"
	"dicomnode/trainer/dataset"
)

// BenchmarkStep is the time of one training step of five pictures.
func BenchmarkStep(b *testing.B) {
	needRuntime(b)
	for _, net := range []model.Network{model.XNet(16), model.SegNetBasic(16), model.UNet(16)} {
		b.Run(net.String(), func(b *testing.B) {
			shape := shapeOf{net: net, batch: 5, size: dataset.Side}
			step, err := newStepper(shape, 5e-4, false, fresh(net.Init(1)), ort.Options{Device: ort.CPU, IntraOpSpinning: true})
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
}
