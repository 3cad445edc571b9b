package fit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"dicomnode/internal/durable"
	"dicomnode/model"
	"dicomnode/model/ort"
	"dicomnode/trainer/dataset"
)

func needRuntime(t testing.TB) {
	t.Helper()
	if err := ort.Find(""); err != nil {
		t.Skip(err)
	}
}

// childOptions is the environment variable that makes TestKilledChild train, with
// the options in it; childMoment is when it waits to be killed.
const (
	childOptions = "DICOMNODE_FIT_TEST_OPTIONS"
	childMoment  = "DICOMNODE_FIT_TEST_MOMENT"
)

const (
	firstStep = 5 // after the last whole checkpoint, that of the validation after step 4
	killStep  = 5
	tornStep  = 6 // a checkpoint is due
	reached   = "reached"
)

// A run killed after a step, or with half a checkpoint written, goes on from the
// last whole checkpoint to the bytes of the bundle that an undisturbed run makes.
func TestKilled(t *testing.T) {
	if err := ort.Find(""); err != nil {
		t.Skip(err)
	}
	o := Options{Data: []string{halves(t)}, Width: 1, Batch: 1, Steps: 9, Save: 3, Every: 4, StopOn: Loss, LearningRate: 1e-2,
		Validation: []string{halves(t)}, Device: "cpu", Threads: 1, Recalibrate: 1, Seed: 3}
	want := bundleOf(t, o, 1)
	for _, moment := range []string{"step", "checkpoint"} {
		t.Run(moment, func(t *testing.T) {
			o := o
			o.Checkpoint = filepath.Join(t.TempDir(), "run.checkpoint")
			killChild(t, o, moment)
			left := func() int {
				parts, err := filepath.Glob(filepath.Join(filepath.Dir(o.Checkpoint), ".new-*"))
				if err != nil {
					t.Fatal(err)
				}
				return len(parts)
			}
			if torn := left() == 1; torn != (moment == "checkpoint") {
				t.Errorf("half a checkpoint is there: %v", torn)
			}
			if got := bundleOf(t, o, firstStep); !bytes.Equal(got, want) {
				t.Error("the resumed run made another bundle")
			}
			if left() != 0 {
				t.Error("half a checkpoint stays")
			}
		})
	}
}

// halves is a data set folder of two pictures, half open beam and half bone.
func halves(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	w, err := dataset.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	for k := range 2 {
		img, lab := image.NewGray(image.Rect(0, 0, 200, 200)), image.NewGray(image.Rect(0, 0, 200, 200))
		for i := range lab.Pix {
			img.Pix[i] = uint8(200 + i*7%30)
			if i%200 < 80+40*k {
				lab.Pix[i], img.Pix[i] = dataset.Bone, uint8(40+i*5%30)
			}
		}
		if err := w.Add(dataset.Item{ID: fmt.Sprint("half", k), Polarity: dataset.AirBright}, img, lab); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// bundleOf runs to the end and exports; the first step it makes must be first.
func bundleOf(t *testing.T, o Options, first int) []byte {
	t.Helper()
	asBegun := 0
	r, err := Run(t.Context(), o, func(p Progress) {
		if asBegun == 0 {
			asBegun = p.Step
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if asBegun != first {
		t.Errorf("the run began with step %d, want %d", asBegun, first)
	}
	b, err := model.Export(r.Weights, model.Card{Name: "killed", Version: "1", Licence: "none"}, "")
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// killChild starts the run in a process of its own and kills it at the moment.
func killChild(t *testing.T, o Options, moment string) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledChild$")
	cmd.Env = append(os.Environ(), childOptions+"="+string(text), childMoment+"="+moment)
	cmd.Stderr = os.Stderr
	in, errIn := cmd.StdinPipe() // ends with this process, and the child with it
	out, err := cmd.StdoutPipe()
	if err = errors.Join(err, errIn); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	there := false
	for !there && lines.Scan() {
		there = lines.Text() == reached
	}
	err = cmd.Process.Kill()      // kill -9
	_, _ = in.Close(), cmd.Wait() // killed, as meant
	if !there || err != nil {
		t.Fatalf("the run ended before the moment came: %v", err)
	}
}

// TestKilledChild is the process that TestKilled kills.
func TestKilledChild(t *testing.T) {
	text := os.Getenv(childOptions)
	if text == "" {
		t.Skip("only as the child of TestKilled")
	}
	var o Options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	o = o.Defaults()
	r, err := newRun(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.progress = func(p Progress) {
		switch {
		case os.Getenv(childMoment) == "step" && p.Step == killStep:
			waitForKill()
		case p.Step == tornStep:
			tear(t, r)
		}
	}
	t.Error(r.steps(t.Context()), "the run was not killed")
}

// tear writes half of the checkpoint that is due.
func tear(t *testing.T, r *run) {
	var whole bytes.Buffer
	c, err := r.checkpoint()
	if err := errors.Join(err, c.write(&whole)); err != nil {
		t.Fatal(err)
	}
	t.Fatal(durable.Replace(r.o.Checkpoint, 0o644, func(w io.Writer) error {
		if _, err := w.Write(whole.Bytes()[:whole.Len()/2]); err != nil {
			return err
		}
		waitForKill()
		return nil
	}))
}

// waitForKill ends only when there is nobody left to kill.
func waitForKill() {
	fmt.Println(reached)
	_, _ = io.Copy(io.Discard, os.Stdin)
}
