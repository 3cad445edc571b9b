package trainercmd

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"dicomnode/model"
	"dicomnode/trainer/evaluate"
	"dicomnode/trainer/fit"
)

// A command in a card can be typed again, patterns and lists too.
func TestPlainValues(t *testing.T) {
	cmd := &cobra.Command{}
	cmd.Flags().StringSlice("exclude", nil, "")
	cmd.Flags().Float64Slice("class-weights", nil, "")
	cmd.Flags().Int("steps", 0, "")
	for name, c := range map[string]struct{ typed, want string }{
		"exclude":       {"a-*[02468],b-*[1-9]", "a-*[02468],b-*[1-9]"},
		"class-weights": {"1,1,0.85", "1,1,0.85"},
		"steps":         {"3", "3"},
	} {
		if err := cmd.Flags().Set(name, c.typed); err != nil {
			t.Fatal(err)
		}
		if got := plain(cmd, cmd.Flags().Lookup(name)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// The command beside a figure of a card scores the same images in the same way.
func TestScore(t *testing.T) {
	opt := evaluate.Options{Exclude: []string{"a-*", "b"}, Splits: []string{"val", "test"}}
	if got, want := score("data", opt), "dicomnode trainer evaluate data --exclude 'a-*' --exclude 'b' --split val --split test --effort whole --trunk none --model BUNDLE"; got != want {
		t.Errorf("got %s", got)
	}
	val, all := fit.Part{Folder: "data", Split: "val"}, fit.Part{Folder: "/home/x/ours"}
	for want, c := range map[string]struct {
		f     fitFlags
		parts []fit.Part
	}{
		"dicomnode trainer evaluate data --exclude 'a-*' --split val --effort whole --trunk none --model BUNDLE": {fitFlags{opt: fit.Options{Exclude: []string{"a-*"}}}, []fit.Part{val}},
		"dicomnode trainer evaluate DATASET --effort whole --trunk none --model BUNDLE":                          {fitFlags{}, []fit.Part{all}},
		"run --json":         {fitFlags{}, []fit.Part{val, all}},
		"run --a --json":     {fitFlags{mirrors: true}, []fit.Part{val}},
		"run --a --b --json": {fitFlags{opt: fit.Options{Target: model.Field}}, []fit.Part{val}},
	} {
		run := strings.TrimSuffix(want, " --json")
		if got := c.f.score(run, &fit.Result{Validated: c.parts}); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
