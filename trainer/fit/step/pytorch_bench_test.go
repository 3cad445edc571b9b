package step

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"dicomnode/model"
	"dicomnode/model/ort"
)

// BenchmarkPyTorch makes steps of XNet-16 with PyTorch (channels_last), on the standard path and on
// the fast one in turns, with as many threads each, and tells the medians and their ratios.
// PYTORCH_PYTHON names a Python that has torch.
func BenchmarkPyTorch(b *testing.B) {
	needRuntime(b)
	python := os.Getenv("PYTORCH_PYTHON")
	if python == "" {
		b.Skip("PYTORCH_PYTHON names no Python that has torch")
	}
	net, threads := model.XNet(16), runtime.GOMAXPROCS(0)
	steps := []func() time.Duration{pyTorchStep(b, python, net, threads)}
	names := []string{"PyTorch", "standard", "fast"}
	for _, block := range slices.Compact([]int{0, FastBlock(net)}) {
		steps = append(steps, timedStep(b, Shape{Net: net, Batch: 5, Size: model.Size, Block: block, ChannelMajor: block == 0}, threads))
	}
	took := make([][]time.Duration, len(steps))
	for b.Loop() {
		for i, step := range steps {
			step() // wakes threads that slept while others worked
			for range 4 {
				took[i] = append(took[i], step())
			}
		}
	}
	for i, t := range took {
		slices.Sort(t)
		b.ReportMetric(float64(t[len(t)/2].Microseconds())/1000, "ms-"+names[i])
		if i > 0 {
			b.ReportMetric(float64(t[len(t)/2])/float64(took[0][len(t)/2]), names[i]+"/PyTorch")
		}
	}
}

// pyTorchStep starts PyTorch; each call makes a step of it.
func pyTorchStep(b *testing.B, python string, net model.Network, threads int) func() time.Duration {
	cmd := exec.CommandContext(b.Context(), python, "testdata/pytorch.py", strconv.Itoa(net.Width), "5", strconv.Itoa(threads))
	cmd.Stderr = b.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	return func() time.Duration {
		io.WriteString(in, "step\n")
		if !lines.Scan() {
			b.Fatal("PyTorch made no step")
		}
		var ms float64
		if _, err := fmt.Sscan(lines.Text(), &ms); err != nil {
			b.Fatal(err)
		}
		return time.Duration(ms * float64(time.Millisecond))
	}
}

// timedStep makes a stepper; each call makes a step of it.
func timedStep(b *testing.B, shape Shape, threads int) func() time.Duration {
	s, err := New(shape, 5e-4, false, Fresh(shape.Net.Init(1)), ort.Options{Device: ort.CPU, IntraOpSpinning: true, Threads: threads})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { close0(b, s) })
	pictures := randomBatch(b, shape, random(1, 1))
	b.Cleanup(func() { close0(b, pictures) })
	return func() time.Duration {
		start := time.Now()
		if _, err := s.single(context.Background(), pictures, 1e-4); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
}
