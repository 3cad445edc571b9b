package step

import (
	"context"
	"slices"
	"testing"

	"dicomnode/model"
	"dicomnode/model/ort"
)

// Several steps in one run are to the bit what they are one by one, on both paths:
// parameters, moments, average and losses. The last run makes fewer than it could.
func TestSeveralSteps(t *testing.T) {
	needRuntime(t)
	shapes := []Shape{
		{Net: model.XNet(4), Batch: 2, Size: 16},
		{Net: model.XNet(4), Batch: 2, Size: 16, ChannelMajor: true},
		{Net: model.Network{Architecture: "segnet-basic", Width: 4}, Batch: 2, Size: 24},
		{Net: model.Network{Architecture: "u-net", Width: 3}, Batch: 2, Size: 40},
	}
	if block, err := checked(); err == nil {
		shapes = append(shapes, Shape{Net: model.XNet(block), Batch: 2, Size: 16, Block: block})
	}
	for _, s := range shapes {
		t.Run(s.Net.String(), func(t *testing.T) {
			single, multiple := stepsOn(t, s, 1), stepsOn(t, s, 3)
			for what, pair := range map[string][2][]float32{
				"parameters": {single.P, multiple.P}, "first moment": {single.M, multiple.M}, "second moment": {single.V, multiple.V},
				"average": {single.average, multiple.average}, "losses": {single.losses, multiple.losses},
			} {
				if !slices.Equal(pair[0], pair[1]) {
					t.Errorf("%s: differ by %g of their length", what, distance(pair[1], pair[0]))
				}
			}
			if single.Step != 5 || multiple.Step != 5 || len(single.losses) != 5 || slices.Contains(single.losses, 0) {
				t.Errorf("%d and %d steps, losses %v", single.Step, multiple.Step, single.losses)
			}
		})
	}
}

type made struct {
	State
	average, losses []float32
}

// stepsOn makes five steps, at most so many in a run.
func stepsOn(t *testing.T, s Shape, together int) made {
	t.Helper()
	single := s
	s.Steps = together
	step, err := New(s, 5e-4, false, Fresh(s.Net.Init(1)), ort.Options{Device: ort.CPU, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer close0(t, step)
	all, err := NewBatch(s)
	if err != nil {
		t.Fatal(err)
	}
	defer close0(t, all)
	avg := NewAverage(0.9, step.Parameters())
	var out made
	for first := 0; first < 5; first += all.Steps {
		all.Steps = min(together, 5-first)
		var rates []float64
		for i := range all.Steps {
			one := randomBatch(t, single, random(9, uint64(first+i)))
			copy(all.X.Data()[i*len(one.X.Data()):], one.X.Data())
			copy(all.T.Data()[i*len(one.T.Data()):], one.T.Data())
			all.Norm[i] = one.Norm[0]
			rates = append(rates, 1e-2/float64(1+first+i))
			close0(t, one)
		}
		losses, err := step.Run(context.Background(), all, rates, avg)
		if err != nil {
			t.Fatal(err)
		}
		out.losses = append(out.losses, losses...)
	}
	out.State, out.average = step.Snapshot(), avg.Values
	return out
}
