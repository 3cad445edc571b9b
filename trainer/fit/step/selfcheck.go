package step

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"

	"dicomnode/model"
	"dicomnode/model/onnx"
	"dicomnode/model/ort"
)

// blockSizes are the blocks that ONNX Runtime's CPU kernels may use: 16 channels
// with AVX-512, 8 with AVX2. Nothing tells which; a wrong one gives a wrong
// result and no error.
var blockSizes = []int{16, 8}

// checked remembers the block that this machine's processor passed with.
var checked = sync.OnceValues(func() (int, error) {
	if runtime.GOARCH != "amd64" {
		return 0, errors.New("check the fast path: it is known on amd64 only")
	}
	var errs []error
	for _, b := range blockSizes {
		err := selfCheck(b)
		if err == nil {
			return b, nil
		}
		errs = append(errs, err)
	}
	return 0, errors.Join(errs...)
})

// FastBlock is the block of the fast path for net on the CPU, 0 where there is
// none: the network's maps cannot be blocked, or no block passes the self-check.
func FastBlock(net model.Network) int {
	b, err := checked()
	if err != nil || !suits(net, b) {
		return 0
	}
	return b
}

// OnCPU reports whether sessions with these options run on the CPU: blocked
// operators exist nowhere else.
func OnCPU(o ort.Options) bool {
	if o.Device == ort.CPU {
		return true
	}
	g := onnx.NewGraph("probe")
	g.Input("x", onnx.Float32, 1)
	g.NodeTo("y", "Neg", nil, "x")
	g.Output("y", onnx.Float32, 1)
	s, err := ort.NewSession(g.Model(nil), []string{"x"}, []string{"y"}, o)
	if err != nil {
		return false
	}
	on := s.Device()
	return s.Close() == nil && on == ort.CPU
}

// selfCheck makes one small step of XNet on both paths and compares the loss and
// the gradients.
func selfCheck(block int) error {
	plain := Shape{Net: model.XNet(block), Batch: 2, Size: 16, ChannelMajor: true}
	blocked := plain
	blocked.Block, blocked.ChannelMajor = block, false
	wantLoss, want, err := sampleStep(plain)
	if err != nil {
		return err
	}
	loss, got, err := sampleStep(blocked)
	if err != nil {
		return err
	}
	if d := distance(got, want); !(d < 0.01) || !(math.Abs(loss-wantLoss) < 1e-3*math.Abs(wantLoss)) {
		return fmt.Errorf("check the fast path: with blocks of %d the loss is %g, not %g, and the gradient %g off", block, loss, wantLoss, d)
	}
	return nil
}

// sampleStep is the loss and the gradient of a picture made of two waves, whose
// classes are its thirds.
func sampleStep(s Shape) (loss float64, grad []float32, err error) {
	t, err := New(s, 0, true, Fresh(s.Net.Init(1)), ort.Options{Device: ort.CPU, Threads: 1})
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	b, err := NewBatch(s)
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	pixels := s.Pixels()
	for i := range b.X.Data() {
		image, pixel := i/pixels, i%pixels
		b.X.Data()[i] = float32(math.Sin(float64(i)) + math.Cos(float64(3*i*i)))
		b.T.Data()[3*image*pixels+pixel*3/pixels*pixels+pixel] = 1
	}
	b.Norm[0] = 1 / float32(len(b.X.Data()))
	l, err := t.single(context.Background(), b, 0)
	return float64(l), clone(t.grad.Data()), err
}

// distance is ‖a−b‖/‖b‖.
func distance(a, b []float32) float64 {
	var off, norm float64
	for i := range b {
		off += math.Pow(float64(a[i])-float64(b[i]), 2)
		norm += math.Pow(float64(b[i]), 2)
	}
	return math.Sqrt(off / norm)
}
