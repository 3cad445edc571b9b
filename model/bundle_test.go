package model_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/model"
	"dicomnode/model/onnx"
)

// small is an untrained bundle of width 1, written by TestUntrained's flag.
func small(t testing.TB) []byte { return fixture(t, "xnet-1.onnx") }

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestBundleRoundTrip(t *testing.T) {
	for _, n := range []model.Network{model.XNet(2), model.Network{Architecture: "xnet-deep", Width: 2}, model.Network{Architecture: "segnet-basic", Width: 2}, model.Network{Architecture: "segnet-simple", Width: 1}, model.Network{Architecture: "u-net", Width: 1}} {
		t.Run(n.String(), func(t *testing.T) { roundTrip(t, lively(n)) })
	}
}

func roundTrip(t *testing.T, w model.Weights) {
	path := filepath.Join(t.TempDir(), "m.onnx")
	b := export(t, w)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := model.LoadBundle(path)
	if err != nil {
		t.Fatal(err)
	}
	back, err := loaded.Weights()
	if err != nil {
		t.Fatal(err)
	}
	sameArrays(t, back, w)
	if back.Network != w.Network {
		t.Errorf("weights of %s came back as of %s", w.Network, back.Network)
	}
	sum := sha256.Sum256(b.Bytes())
	if want := hex.EncodeToString(sum[:]); loaded.Digest != want {
		t.Errorf("digest %s, want %s", loaded.Digest, want)
	}
	if again := export(t, w); !bytes.Equal(again.Bytes(), b.Bytes()) {
		t.Error("the same weights and card made other bytes")
	}
}

func TestEmbedded(t *testing.T) {
	b, err := model.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	trained := b.Card.Training.Digest != ""
	if trained == strings.Contains(b.Card.Name, "untrained") {
		t.Errorf("name %q and training data digest %q disagree", b.Card.Name, b.Card.Training.Digest)
	}
	for _, m := range b.Card.Metrics {
		if m.Command == "" || m.Data == "" {
			t.Errorf("metric %q does not say how it was measured", m.Name)
		}
	}
	open(t, b, model.Options{}) // runs the golden image
}

// swap replaces text by other text of the same length, so that every length in
// the file stays right.
func swap(t *testing.T, data []byte, old, replacement string) []byte {
	t.Helper()
	if len(old) != len(replacement) || !bytes.Contains(data, []byte(old)) {
		t.Fatalf("%q cannot replace %q", replacement, old)
	}
	return bytes.Replace(data, []byte(old), []byte(replacement), 1)
}

func TestParseBundleRefuses(t *testing.T) {
	good := small(t)
	if _, err := model.ParseBundle(good); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":           {nil, "malformed"},
		"cut":             {good[:len(good)/2], "malformed"},
		"plain model":     {onnx.NewGraph("xnet").Model(nil), "card"},
		"other classes":   {swap(t, good, `"open beam"`, `"open bean"`), "classes"},
		"other size":      {swap(t, good, `"rows":200`, `"rows":201`), "input"},
		"unknown network": {swap(t, good, `"architecture":"xnet"`, `"architecture":"ynet"`), "architecture"},
		"other network":   {swap(t, good, `untrained","version":"0","architecture":"xnet"`, `untraine","version":"0","architecture":"u-net"`), "down1a.kernel"},
		"other width":     {swap(t, good, `"width":1,`, `"width":2,`), "a1.kernel"},
		"no notice":       {swap(t, good, "not for diag", "fit for diag"), "notice"},
		"unknown field":   {swap(t, good, `"licence"`, `"license"`), "unknown field"},
		"other operator":  {swap(t, good, "\x04Relu", "\x04Tanh"), "graph"},
		"other shape":     {swap(t, good, "\x08\xc8\x01", "\x08\xc9\x01"), "graph"},
		"no golden":       {swap(t, good, "\x06golden", "\x06goldem"), "golden"},
		"golden garbage":  {swap(t, good, `"expected":"`, `"expected":5`), "golden"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := model.ParseBundle(c.data)
			if !errors.Is(err, model.ErrBundle) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want ErrBundle about %q", err, c.want)
			}
		})
	}
}

func TestLoadBundleRefuses(t *testing.T) {
	if _, err := model.LoadBundle(filepath.Join(t.TempDir(), "none.onnx")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
	huge := filepath.Join(t.TempDir(), "huge.onnx")
	f, err := os.Create(huge)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(model.MaxBundle+1), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := model.LoadBundle(huge); !errors.Is(err, model.ErrBundle) {
		t.Errorf("huge file: %v, want ErrBundle", err)
	}
}

// A bundle whose golden image comes out otherwise must not open.
func TestSelfTest(t *testing.T) {
	needLibrary(t)
	data := small(t)
	i := bytes.Index(data, []byte(`"expected":"`)) + len(`"expected":"`)
	stored := string(data[i : i+8])
	b, err := model.ParseBundle(swap(t, data, stored, "AACAPwAA")) // first mean 1.0
	if err != nil {
		t.Fatal(err)
	}
	if _, err := model.Open(b, model.Options{Device: "cpu"}); !errors.Is(err, model.ErrSelfTest) {
		t.Errorf("error %v, want ErrSelfTest", err)
	}
}

func FuzzBundle(f *testing.F) {
	good := small(f)
	f.Add(good)
	f.Add(good[:len(good)-100])
	f.Add(fixture(f, "segnet-basic-1.onnx"))
	f.Add(onnx.NewGraph("xnet").Model(map[string]string{"card": "{}", "golden": "{}"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := model.ParseBundle(data)
		if err != nil {
			if !errors.Is(err, model.ErrBundle) {
				t.Errorf("error %v is not ErrBundle", err)
			}
			return
		}
		w, err := b.Weights()
		if err != nil || w.Check() != nil {
			t.Errorf("weights of an accepted bundle: %v, %v", err, w.Check())
		}
		if err := b.Card.Check(); err != nil {
			t.Errorf("card of an accepted bundle: %v", err)
		}
	})
}

// A bundle in half precision has half the bytes and contains the rounded kernels exactly.
func TestHalfPrecision(t *testing.T) {
	w := lively(model.XNet(8))
	single := export(t, w)
	w.Half = true
	b := export(t, w)
	if limit := len(single.Bytes()) * 6 / 10; len(b.Bytes()) > limit {
		t.Errorf("%d bytes, in single precision %d", len(b.Bytes()), len(single.Bytes()))
	}
	back, err := b.Weights()
	if err != nil {
		t.Fatal(err)
	}
	if !back.Half {
		t.Error("the weights came back as single precision")
	}
	for name, values := range back.Arrays {
		kernel := strings.HasSuffix(name, "kernel")
		for i, v := range values {
			if d := math.Abs(float64(v - w.Arrays[name][i])); d > 0 && !kernel || d > math.Max(math.Abs(float64(v))/2048, 1.0/(1<<25)) {
				t.Fatalf("%s[%d] is %g, was %g", name, i, v, w.Arrays[name][i])
			}
		}
	}
	if again := export(t, back); !bytes.Equal(again.Bytes(), b.Bytes()) {
		t.Error("its own weights made another bundle")
	}
	if _, err := model.Open(b, model.Options{Device: "cpu"}); err != nil {
		t.Error(err)
	}
}

// A kernel beyond the range of half precision is refused, not stored as infinite.
func TestHalfPrecisionRange(t *testing.T) {
	w := lively(model.XNet(1))
	w.Half = true
	w.Arrays[model.OutKernel][0] = 70000
	if _, err := model.Export(w, model.Card{Name: "n", Version: "1", Licence: "CC0-1.0"}, ""); err == nil || !strings.Contains(err.Error(), model.OutKernel) {
		t.Errorf("error %v, want one about %s", err, model.OutKernel)
	}
}
