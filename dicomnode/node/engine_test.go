package node

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/configs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/model"
	"dicomnode/segment/decode"
)

// tinyBundle is a model of width 1, another for each seed.
func tinyBundle(t *testing.T, seed uint64) *model.Bundle {
	t.Helper()
	b, err := model.Export(model.XNet(1).Init(seed), model.Card{Name: "tiny", Version: string(rune('a' + seed)), Licence: "none"}, "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// testEngine is an engine without a model of trunk and head.
func testEngine(t *testing.T) (e *engine, store model.Store, log *bytes.Buffer) {
	t.Helper()
	return testEngineWith(t, pipeline.None)
}

func testEngineWith(t *testing.T, trunk string) (e *engine, store model.Store, log *bytes.Buffer) {
	t.Helper()
	nodetest.RequireModel(t)
	c := configs.Default()
	c.Node.DataDir = t.TempDir()
	c.Model.Trunk, c.Model.Device, c.Model.Threads = trunk, "cpu", 1
	log = &bytes.Buffer{}
	e, err := openEngine(c, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, pipeline.ModelStore(c), log
}

func flatImage() *decode.Image {
	img := &decode.Image{Rows: 64, Columns: 48, Samples: make([]float32, 64*48)}
	for i := range img.Samples {
		img.Samples[i] = float32(i % 977)
	}
	return img
}

func (e *engine) digestNow(t *testing.T) string {
	t.Helper()
	res, err := e.Run(t.Context(), flatImage())
	if err != nil {
		t.Fatal(err)
	}
	return res.Model.Digest
}

func TestEngineFollowsPublications(t *testing.T) {
	e, store, log := testEngine(t)
	own, err := model.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	a, b := tinyBundle(t, 0), tinyBundle(t, 1)
	expect := func(step, want string) {
		t.Helper()
		if got := e.digestNow(t); got != want {
			t.Fatalf("%s: segmented with %s, want %s", step, got, want)
		}
	}
	expect("nothing published", own.Digest)
	for _, x := range []*model.Bundle{a, b} {
		if err := store.Publish(x); err != nil {
			t.Fatal(err)
		}
		expect("published", x.Digest)
	}
	for _, want := range []string{a.Digest, own.Digest} {
		if _, _, err := store.Rollback(); err != nil {
			t.Fatal(err)
		}
		expect("rolled back", want)
	}
	if err := store.Publish(a); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(store.Path(a.Digest), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	expect("published and damaged", own.Digest)
	if !strings.Contains(log.String(), "keeping the current one") {
		t.Errorf("log does not say that the damaged model was left:\n%s", log)
	}
}

// A chest is segmented by the model of trunk and head, but not beside a site's own model; and that
// of trunk and head leaves the memory of an idle node.
func TestEngineOfTwoModels(t *testing.T) {
	e, store, log := testEngineWith(t, pipeline.Auto)
	trunk, err := model.EmbeddedTrunk()
	if err != nil {
		t.Fatal(err)
	}
	chest := flatImage()
	part, err := dicom.NewElement(tag.BodyPartExamined, []string{"CHEST"})
	if err != nil {
		t.Fatal(err)
	}
	chest.Dataset.Elements = append(chest.Dataset.Elements, part)
	expect := func(want string) {
		t.Helper()
		res, err := e.Run(t.Context(), chest)
		if err != nil {
			t.Fatal(err)
		}
		if res.Model.Digest != want {
			t.Fatalf("segmented with %s, want %s", res.Model.Digest, want)
		}
	}
	for range 2 {
		expect(trunk.Digest)
		e.idle()
	}
	if !strings.Contains(log.String(), "model for images of trunk and head") {
		t.Errorf("log does not name the model:\n%s", log)
	}
	own := tinyBundle(t, 0)
	if err := store.Publish(own); err != nil {
		t.Fatal(err)
	}
	expect(own.Digest)
}

// TestEngineDropsNoWork: images under way and images that begin during a change
// of models are all segmented, each with one model wholly.
func TestEngineDropsNoWork(t *testing.T) {
	e, store, _ := testEngine(t)
	known := map[string]bool{}
	var list []*model.Bundle
	for seed := range uint64(3) {
		list = append(list, tinyBundle(t, seed))
		known[list[seed].Digest] = true
	}
	if err := store.Publish(list[0]); err != nil {
		t.Fatal(err)
	}
	var g sync.WaitGroup
	for range 4 {
		g.Go(func() {
			for range 20 {
				if res, err := e.Run(t.Context(), flatImage()); err != nil || !known[res.Model.Digest] {
					t.Errorf("segmented with %v, %v", res, err)
				}
			}
		})
	}
	g.Go(func() {
		for i := range 6 {
			if err := store.Publish(list[i%3]); err != nil {
				t.Error(err)
			}
		}
	})
	g.Wait()
	if got := e.digestNow(t); got != list[2].Digest {
		t.Errorf("segmented with %s in the end, want the last published", got)
	}
}

// A model of the exposed field cannot become the one that segments.
func TestEngineRefusesAFieldModel(t *testing.T) {
	nodetest.RequireModel(t)
	b, err := model.EmbeddedField()
	if err != nil {
		t.Fatal(err)
	}
	c := configs.Default()
	c.Node.DataDir, c.Model.Device, c.Model.Threads = t.TempDir(), "cpu", 1
	c.Model.Bundle = filepath.Join(t.TempDir(), "field.onnx")
	if err := os.WriteFile(c.Model.Bundle, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if e, err := openEngine(c, slog.New(slog.DiscardHandler)); !errors.Is(err, model.ErrTarget) {
		t.Errorf("engine %v, error %v, want %v", e, err, model.ErrTarget)
	}
}

// The network of the exposed field takes part in what the node makes.
func TestEngineFindsTheField(t *testing.T) {
	e, _, _ := testEngine(t)
	res, err := e.Run(t.Context(), flatImage())
	if err != nil {
		t.Fatal(err)
	}
	b, err := model.EmbeddedField()
	if err != nil || res.FieldRecord.Model != b.Digest {
		t.Errorf("%+v, %v: want the embedded network %s", res.FieldRecord, err, b.Digest)
	}
}

// Memory is returned when no image has been in progress for a while, once for each pause.
func TestModelIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rests atomic.Int32 // synctest.Wait comes before what is read, not before what is written after it
		u := inProgress{idle: func() { rests.Add(1) }}
		first, second := u.enter(), u.enter()
		first()
		time.Sleep(2 * modelIdleTime) // of the bubble
		second()
		time.Sleep(modelIdleTime - time.Second)
		u.enter()()
		if synctest.Wait(); rests.Load() != 0 {
			t.Errorf("%d rests while images came", rests.Load())
		}
		time.Sleep(2 * modelIdleTime)
		if synctest.Wait(); rests.Load() != 1 {
			t.Errorf("%d rests in a pause, want 1", rests.Load())
		}
		u.enter()()
		u.stop()
		time.Sleep(2 * modelIdleTime)
		if synctest.Wait(); rests.Load() != 1 {
			t.Errorf("%d rests after the end, want none more", rests.Load()-1)
		}
	})
}
