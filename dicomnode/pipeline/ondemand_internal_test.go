package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"dicomnode/configs"
	"dicomnode/internal/dicomtest"
	"dicomnode/model"
	"dicomnode/model/ort"
	"dicomnode/segment"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
)

// withTrunk is a configuration with an untrained model in general, and trunk for trunk and head.
func withTrunk(t *testing.T, trunk string) configs.Config {
	t.Helper()
	root, err := dicomtest.Repository()
	if err != nil {
		t.Fatal(err)
	}
	c := configs.Default()
	c.Node.DataDir, c.Model.Trunk = t.TempDir(), trunk
	c.Model.Bundle = filepath.Join(root, "model", "testdata", "xnet-1.onnx")
	return c
}

// untrainedFile is a copy of an untrained model that a test may change.
func untrainedFile(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(withTrunk(t, None).Model.Bundle)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "trunk.onnx")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// needLibrary skips a test without ONNX Runtime; REQUIRE_ORT=1 makes that a failure.
func needLibrary(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, ort.ErrNoLibrary) && os.Getenv("REQUIRE_ORT") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Which configuration has which model of trunk and head.
func TestTrunkBundle(t *testing.T) {
	own, err := model.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	other, err := model.EmbeddedField() // any bundle that is not Embedded
	if err != nil {
		t.Fatal(err)
	}
	trunk, err := model.EmbeddedTrunk()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		general *model.Bundle
		want    string // digest; "" for none
	}{
		{Auto, own, trunk.Digest}, {Auto, other, ""}, {Embedded, other, trunk.Digest}, {None, own, ""},
	} {
		b, err := TrunkBundle(c.name, c.general)
		if err != nil {
			t.Fatal(err)
		}
		if got := b != nil; got != (c.want != "") || got && b.Digest != c.want {
			t.Errorf("%s: %v", c.name, b)
		}
	}
	if _, err := TrunkBundle("missing.onnx", own); err == nil {
		t.Error("a file that is missing is no error")
	}
}

// A model that is given back while others predict is opened again, and never used when closed.
func TestOnDemand(t *testing.T) {
	p, closeModels, err := OpenModels(withTrunk(t, untrainedFile(t)))
	needLibrary(t, err)
	trunk, ok := p.Trunk.Predictor.(*onDemand)
	if !ok || trunk.session != nil {
		t.Fatalf("%T, in memory before it is needed", p.Trunk.Predictor)
	}
	if p.Config.Effort != scales.Normal || p.Trunk.Config.Effort != scales.Wide {
		t.Errorf("efforts %s and %s", p.Config.Effort, p.Trunk.Config.Effort)
	}
	x := make([]float32, picture.Side*picture.Side)
	want, err := p.Predictor.Predict(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	var working sync.WaitGroup
	for range 4 {
		working.Go(func() {
			for range 5 {
				got, err := trunk.Predict(context.Background(), x)
				if err != nil || len(got) != len(want) || got[0] != want[0] {
					t.Errorf("%d probabilities, %v", len(got), err)
				}
			}
		})
		working.Go(func() {
			for range 20 {
				if err := Idle(p); err != nil {
					t.Error(err)
				}
			}
		})
	}
	working.Wait()
	if err := errors.Join(Idle(p), closeModels()); err != nil || trunk.session != nil {
		t.Errorf("still in memory, %v", err)
	}
	if _, err := trunk.Pass(t.Context(), x); !errors.Is(err, errClosed) {
		t.Errorf("a closed model: %v", err)
	}
}

// A file that is replaced while a node runs is not used: results would name the other one.
func TestTrunkFileReplaced(t *testing.T) {
	path := untrainedFile(t)
	p, closeModels, err := OpenModels(withTrunk(t, path))
	needLibrary(t, err)
	defer func() {
		if err := closeModels(); err != nil {
			t.Error(err)
		}
	}()
	other, err := model.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, other.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Trunk.Predictor.Predict(t.Context(), make([]float32, picture.Side*picture.Side)); err == nil {
		t.Error("another model was used")
	}
}

// The models in the program are given back when idle, and predict the same afterwards. A file stays
// open: it may be replaced.
func TestIdleModels(t *testing.T) {
	c := withTrunk(t, Auto)
	c.Model.Bundle = Embedded
	p, closeModels, err := OpenModels(c)
	needLibrary(t, err)
	x := make([]float32, picture.Side*picture.Side)
	for i := range x {
		x[i] = float32(i%picture.Side)/picture.Side*2 - 1
	}
	for name, m := range map[string]segment.Predictor{"general": p.Predictor, "field": p.Field, "trunk and head": p.Trunk.Predictor} {
		before, err := m.Predict(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		if err := Idle(p); err != nil {
			t.Error(err)
		}
		if s := m.(*onDemand).session; (s == nil) != (p.Model.Device == ort.CPU) {
			t.Errorf("%s on %s: session %v when idle", name, p.Model.Device, s)
		}
		after, err := m.Predict(t.Context(), x)
		if err != nil || !slices.Equal(before, after) {
			t.Errorf("%s: opened again, it predicts something else, %v", name, err)
		}
	}
	if err := closeModels(); err != nil {
		t.Error(err)
	}
	own, closeOwn, err := OpenModels(withTrunk(t, None))
	needLibrary(t, err)
	if err := Idle(own); err != nil {
		t.Error(err)
	}
	if _, ok := own.Predictor.(*model.Session); !ok {
		t.Errorf("a file is %T", own.Predictor)
	}
	if err := closeOwn(); err != nil {
		t.Error(err)
	}
}
