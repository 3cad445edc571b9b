package ort_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"dicomnode/model/onnx"
	"dicomnode/model/ort"
)

// load makes the library available, or skips; REQUIRE_ORT=1 turns the skip into
// a failure.
func load(t testing.TB) {
	t.Helper()
	err := ort.Find("")
	if errors.Is(err, ort.ErrNoLibrary) && os.Getenv("REQUIRE_ORT") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

var quiet = slog.New(slog.DiscardHandler)

// doubler is y = x·2 on [2,3].
func doubler() []byte {
	g := onnx.NewGraph("doubler")
	x := g.Input("x", onnx.Float32, 2, 3)
	g.NodeTo("y", "Mul", nil, x, g.Floats("", []float32{2}))
	g.Output("y", onnx.Float32, 2, 3)
	return g.Model(nil)
}

func tensor(t testing.TB, dims ...int) *ort.Tensor {
	t.Helper()
	x, err := ort.NewTensor(dims...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

func session(t testing.TB, model []byte, o ort.Options) *ort.Session {
	t.Helper()
	s, err := ort.NewSession(model, []string{"x"}, []string{"y"}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestRun(t *testing.T) {
	load(t)
	s := session(t, doubler(), ort.Options{Device: ort.CPU, Threads: 1})
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			x, y := tensor(t, 2, 3), tensor(t, 2, 3)
			for i := range x.Data() {
				x.Data()[i] = float32(i + n)
			}
			if err := s.Run(t.Context(), []*ort.Tensor{x}, []*ort.Tensor{y}); err != nil {
				t.Error(err)
			}
			for i, v := range y.Data() {
				if v != 2*float32(i+n) {
					t.Errorf("y[%d] = %v, want %v", i, v, 2*(i+n))
				}
			}
		})
	}
	wg.Wait()
}

func TestRunRefuses(t *testing.T) {
	load(t)
	s := session(t, doubler(), ort.Options{Device: ort.CPU})
	x, y, wrong := tensor(t, 2, 3), tensor(t, 2, 3), tensor(t, 3, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx, []*ort.Tensor{x}, []*ort.Tensor{y}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, want context.Canceled", err)
	}
	if err := s.Run(t.Context(), []*ort.Tensor{wrong}, []*ort.Tensor{y}); err == nil {
		t.Error("a 3×2 tensor was taken for 2×3")
	}
	if err := s.Run(t.Context(), nil, []*ort.Tensor{y}); err == nil {
		t.Error("no inputs were accepted")
	}
	if _, err := ort.NewTensor(2, 0); err == nil {
		t.Error("an empty tensor was made")
	}
}

func TestDevice(t *testing.T) {
	load(t)
	auto := session(t, doubler(), ort.Options{Log: quiet})
	if auto.Device() == ort.CPU && auto.Fallback() == nil {
		t.Error("auto chose the CPU and gave no reason")
	}
	if auto.Device() == ort.CPU {
		_, err := ort.NewSession(doubler(), []string{"x"}, []string{"y"}, ort.Options{Device: ort.CUDA})
		if err == nil || !strings.Contains(err.Error(), "cuda") {
			t.Errorf("device cuda without CUDA: %v, want an error that names it", err)
		}
	}
	if _, err := ort.NewSession(doubler(), []string{"x"}, []string{"y"}, ort.Options{Device: "tpu"}); err == nil {
		t.Error("device tpu was accepted")
	}
	if _, err := ort.NewSession([]byte("no model"), []string{"x"}, []string{"y"}, ort.Options{Device: ort.CPU}); err == nil {
		t.Error("bytes that are no model were loaded")
	}
}

func TestInitOnce(t *testing.T) {
	load(t)
	path, version := ort.Loaded()
	if err := ort.Init(path); err != nil {
		t.Errorf("the same library again: %v", err)
	}
	if version != ort.Version {
		t.Errorf("library reports %q, want %q", version, ort.Version)
	}
	if err := ort.Init(filepath.Join(t.TempDir(), "other.so")); err == nil {
		t.Error("a second library was accepted")
	}
}

func TestLibrary(t *testing.T) {
	dir := t.TempDir()
	name := "libonnxruntime.so." + ort.Version
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(dir, "a", "b")
	put := filepath.Join(dir, ".runtime", name)
	for _, d := range []string{below, filepath.Dir(put)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(put, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, explicit, env, cwd, want string }{
		{"explicit file", file, "/nowhere", dir, file},
		{"explicit folder", dir, "", dir, file},
		{"explicit missing is not replaced", filepath.Join(dir, "none.so"), file, dir, ""},
		{"environment", "", file, dir, file},
		{"environment missing is not replaced", "", filepath.Join(dir, "none.so"), dir, ""},
		{".runtime of a parent", "", "", below, put},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(c.cwd)
			t.Setenv(ort.Environment, c.env)
			got, tried, err := ort.Library(c.explicit)
			if got != c.want {
				t.Errorf("got %q (tried %q), want %q", got, tried, c.want)
			}
			if c.want == "" && (!errors.Is(err, ort.ErrNoLibrary) || !strings.Contains(err.Error(), "make runtime")) {
				t.Errorf("error %v does not say what to run", err)
			}
			if c.want != "" && !slices.Contains(tried, c.want) {
				t.Errorf("tried %q lacks %q", tried, c.want)
			}
		})
	}
}
