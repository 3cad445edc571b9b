package step

import (
	"context"
	"slices"

	"dicomnode/model/onnx"
	"dicomnode/model/ort"
)

// On a device of its own memory a step's parameters and moments would cross the bus
// twice for every step. The binding of ONNX Runtime binds host tensors only, so what
// stays on the device between steps does so inside one run: as values that an ONNX
// Loop carries.

// Names of the loop graph's inputs and outputs beside those of the step graph, of
// which x, t, norm and rate have one more dimension in front or are longer, for the
// steps. A is the parameters' moving average, decay [steps] its decay at each step;
// count [1] is how many steps to make; losses [steps] are theirs, then zeros.
var (
	loopInputs  = append(slices.Clone(stepInputs), "A", "decay", "count")
	loopOutputs = []string{"P2", "M2", "V2", "A2", "losses"}
)

// inLoop is the suffix of the step's names inside the loop.
const inLoop = "_i"

// loopGraph makes count training steps, one after the other.
func loopGraph(s Shape, l2 float32) []byte {
	g := onnx.NewGraph(s.Net.Architecture + "-steps")
	carried := []string{"P", "M", "V", "A"}
	for _, name := range carried {
		g.Input(name, onnx.Float32, s.Net.NumParameters())
	}
	g.Input("x", onnx.Float32, s.Steps, s.Batch, 1, s.Size, s.Size)
	g.Input("t", onnx.Float32, s.Steps, s.Batch, 3, s.Size, s.Size)
	for _, name := range []string{"norm", "rate", "decay"} {
		g.Input(name, onnx.Float32, s.Steps)
	}
	g.Input("count", onnx.Float32, 1)
	count := g.Node("Squeeze", nil, g.Node("Cast", onnx.Attrs{"to": int(onnx.Int64)}, "count"))
	none := g.Floats("", make([]float32, s.Steps))
	out := g.NodeN(5, "Loop", onnx.Attrs{"body": loopBody(g, s, l2, carried)}, append([]string{count, ""}, append(carried, none)...)...)
	for i, name := range loopOutputs {
		g.NodeTo(name, "Identity", nil, out[i])
		length := s.Net.NumParameters()
		if name == "losses" {
			length = s.Steps
		}
		g.Output(name, onnx.Float32, length)
	}
	return g.Model(nil)
}

// loopBody is one step: it takes its number, a condition and what is carried, and
// returns the condition and what is carried on.
func loopBody(outer *onnx.Graph, s Shape, l2 float32, carried []string) *onnx.Graph {
	g := outer.Body("step")
	number, going := g.Input("number", onnx.Int64), g.Input("going", onnx.Bool)
	for _, name := range carried {
		g.Input(name+inLoop, onnx.Float32, s.Net.NumParameters())
	}
	losses := g.Input("losses"+inLoop, onnx.Float32, s.Steps)
	for _, name := range []string{"x", "t"} {
		g.NodeTo(name+inLoop, "Gather", onnx.Attrs{"axis": 0}, name, number)
	}
	at := g.Node("Unsqueeze", nil, number, g.Ints("", []int64{0}))
	for _, name := range []string{"norm", "rate", "decay"} {
		g.NodeTo(name+inLoop, "Gather", onnx.Attrs{"axis": 0}, name, at)
	}
	stepNodes(g, s, l2, inLoop)
	averageNodes(g)
	order := make([]int64, s.Steps)
	for i := range order {
		order[i] = int64(i)
	}
	here := g.Node("Equal", nil, g.Ints("", order), at)
	g.NodeTo("losses2"+inLoop, "Where", nil, here, "loss"+inLoop, losses)

	g.NodeTo("going2", "Identity", nil, going)
	g.Output("going2", onnx.Bool)
	for _, name := range carried {
		g.Output(name+"2"+inLoop, onnx.Float32, s.Net.NumParameters())
	}
	g.Output("losses2"+inLoop, onnx.Float32, s.Steps)
	return g
}

// averageNodes is average.add.
func averageNodes(g *onnx.Graph) {
	decay := "decay" + inLoop
	rest := g.Node("Sub", nil, g.Floats("", []float32{1}), decay)
	g.NodeTo("A2"+inLoop, "Add", nil, g.Node("Mul", nil, decay, "A"+inLoop), g.Node("Mul", nil, rest, "P2"+inLoop))
}

// loop is what a stepper that makes several steps in a run has beside the others.
type loop struct {
	before, after *ort.Tensor // the moving average
	decay         *ort.Tensor
	count         *ort.Tensor
}

// Run makes the steps of b at the given learning rates, takes the parameters
// into avg after each, and returns the losses.
func (t *Stepper) Run(ctx context.Context, b *Batch, rates []float64, avg *Average) ([]float32, error) {
	if t.loop == nil {
		loss, err := t.single(ctx, b, rates[0])
		if err == nil {
			avg.add(t.Parameters(), t.done)
		}
		return []float32{loss}, err
	}
	c, next, l := t.current, 1-t.current, t.loop
	copy(t.norm.Data(), b.Norm)
	for i, rate := range rates {
		t.rate.Data()[i] = float32(rate * correction(t.done+1+i))
		l.decay.Data()[i] = avg.decayAt(t.done + 1 + i)
	}
	l.count.Data()[0] = float32(b.Steps)
	copy(l.before.Data(), avg.Values)
	in := []*ort.Tensor{t.p[c], t.m[c], t.v[c], b.X, b.T, t.norm, t.rate, l.before, l.decay, l.count}
	out := []*ort.Tensor{t.p[next], t.m[next], t.v[next], l.after, t.loss}
	if err := t.session.Run(ctx, in, out); err != nil {
		return nil, err
	}
	t.current = next
	t.done += b.Steps
	copy(avg.Values, l.after.Data())
	return clone(t.loss.Data()[:b.Steps]), nil
}
