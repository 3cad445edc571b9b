package trainercmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/durable"
	"dicomnode/internal/hint"
	"dicomnode/segment/scales"
	"dicomnode/trainer/compare"
	"dicomnode/trainer/compare/classical"
	"dicomnode/trainer/evaluate"
)

// compareFlags are those of trainer compare.
type compareFlags struct {
	model      modelFlags
	data       evaluate.Options
	opt        compare.Options
	bundles    []string
	methods    []string
	parameters string
	tune       bool
	refine     string
	effort     effortsFlag
	sheet      string
	asJSON     bool
}

func trainerCompareCmd() *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use: "compare DATASET [--model BUNDLE]… [--effort E]… [--method NAME]… [--refine METHOD] [--sheet PNG] [--json]", Short: "compare models and classical methods on a data set",
		Long: `Score models and classical methods on one data set folder, at the network's
200×200 pixels: accuracy, weighted F1, F1 per class, seconds per image, and the
difference of each to the first row with a bootstrap interval over images. The
methods are multi-otsu, clustering, entropy and row-fluctuation. Their parameters are
printed below the table; --parameters FILE changes them by a JSON object such as
{"clustering": {"block": 48}, "input": {"gamma": 0.7}}. They are given only the
exposed field, as a node finds it with its network; {"input": {"field": false}} gives
them the whole picture. --tune adds a row for clustering with two parameters
optimised for each image on its own label, as its authors evaluated it. --sheet draws
each picture beside its label and all predictions.

--refine compares instead, at native resolution, methods of upsampling a model's
prediction: bilinear interpolation and, with --refine guided, the guided filter of
segmentation: {refine: guided}, each with and without removal of small islands. It
adds boundary distances; classical methods and the sheet are left out.
` + command.ExitCodes,
		Example: "  dicomnode trainer compare data/labelled --model a.onnx --model embedded --exclude '*phantom*' --sheet sheet.png",
		Args:    command.WantArgs(1, 1, "one data set folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			field := &lazyField{flags: f.model}
			entries, err := f.entries(cmd, field)
			if err != nil {
				return err
			}
			return command.JoinClose(f.run(cmd, args[0], entries), field)
		},
	}
	f.add(cmd)
	return cmd
}

func (f *compareFlags) add(cmd *cobra.Command) {
	f.model.add(cmd)
	f.effort.add(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&f.bundles, "model", []string{pipeline.Embedded}, "model bundle, or \"embedded\" (repeatable; the first is the baseline); \"none\" for methods only")
	flags.StringSliceVar(&f.methods, "method", methodNames(classical.Defaults()), "classical method (repeatable); \"none\" for models only")
	flags.StringVar(&f.parameters, "parameters", "", "JSON file with parameters of the classical methods")
	flags.BoolVar(&f.tune, "tune", false, "add methods tuned to each image on its own label")
	flags.StringVar(&f.refine, "refine", "", "score at native resolution: "+strings.Join(pipeline.Refinements, " or "))
	flags.StringSliceVar(&f.data.Exclude, "exclude", nil, "pattern of ids to leave out (repeatable)")
	flags.StringSliceVar(&f.data.Splits, "split", nil, "split to score (repeatable; default all)")
	flags.Uint64Var(&f.opt.Seed, "seed", 1, "seed of the bootstrap")
	flags.IntVar(&f.opt.Resamples, "resamples", 2000, "resamples of the bootstrap")
	flags.StringVar(&f.sheet, "sheet", "", fmt.Sprintf("PNG file for a contact sheet of the first %d images", compare.MaxSheet))
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
}

func methodNames(p classical.Parameters) []string {
	var names []string
	for _, m := range p.Methods() {
		names = append(names, m.Name())
	}
	return names
}

// entries are the models in the order given, then the methods, which see what field finds.
func (f *compareFlags) entries(cmd *cobra.Command, field classical.FieldFinder) ([]compare.Entry, error) {
	if f.opt.Resamples < 1 {
		return nil, command.Usagef("for example --resamples 2000", "--resamples %d: want at least 1", f.opt.Resamples)
	}
	if f.refine != "" {
		return f.refined(cmd)
	}
	p, err := readParameters(f.parameters)
	if err != nil {
		return nil, err
	}
	var entries []compare.Entry
	if !onlyNone(f.bundles) {
		if entries, err = f.models(); err != nil {
			return nil, err
		}
	}
	for _, name := range f.methods {
		if !onlyNone(f.methods) && !slices.Contains(methodNames(p), name) {
			return nil, command.Usagef("methods are "+strings.Join(methodNames(p), ", ")+", or none alone", "unknown value %q of --method", name)
		}
	}
	for _, e := range compare.ClassicalEntries(p, f.tune, field) {
		if slices.Contains(f.methods, e.Method) {
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return nil, command.Usagef("leave --model or --method out", "%s has nothing to compare", cmd.CommandPath())
	}
	return entries, nil
}

func onlyNone(list []string) bool { return slices.Equal(list, []string{"none"}) }

// readParameters reads a JSON object over the defaults; an empty path is all
// defaults. What it does not know is an error.
func readParameters(path string) (classical.Parameters, error) {
	p := classical.Defaults()
	if path == "" {
		return p, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return p, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return p, hint.Add(fmt.Errorf("read parameters %s: %w", path, err), "the parameters printed below the table have the names wanted")
	}
	if err := p.Check(); err != nil {
		return p, fmt.Errorf("read parameters %s: %w", path, err)
	}
	return p, nil
}

// models are the bundles, each with every effort.
func (f *compareFlags) models() ([]compare.Entry, error) {
	efforts, err := f.effort.efforts()
	if err != nil {
		return nil, err
	}
	var out []compare.Entry
	seen := map[string]int{}
	for _, bundle := range f.bundles {
		name := strings.TrimSuffix(filepath.Base(bundle), filepath.Ext(bundle))
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s-%d", name, seen[name])
		}
		for _, effort := range efforts {
			row := name
			if len(efforts) > 1 {
				row += ", " + effort.String()
			}
			out = append(out, f.entry(row, bundle, effort))
		}
	}
	return out, nil
}

// entry is a bundle that is asked with an effort.
func (f *compareFlags) entry(name, bundle string, effort scales.Effort) compare.Entry {
	id := compare.Identity{Name: name, Kind: compare.KindNetwork, Model: &compare.Model{Bundle: bundle}}
	return compare.Entry{Identity: id, Open: func() (compare.Segmenter, error) {
		b, err := pipeline.LoadBundle(bundle)
		if err != nil {
			return nil, err
		}
		s, err := f.model.open(b)
		if err != nil {
			return nil, err
		}
		card := s.Card()
		*id.Model = compare.Model{Bundle: bundle, Name: card.Name, Version: card.Version, Digest: s.Digest(), Device: s.Device(), Effort: effort}
		return closingNetwork{&compare.Network{Predictor: s, Effort: effort}, s}, nil
	}}
}

// closingNetwork closes its session with it.
type closingNetwork struct {
	*compare.Network
	io.Closer
}

func (f *compareFlags) run(cmd *cobra.Command, folder string, entries []compare.Entry) error {
	if err := command.WantWritable(f.sheet); err != nil {
		return err
	}
	bar := command.NewProgress(cmd.ErrOrStderr(), 1, "comparing")
	f.opt.Progress = func(done, all int) {
		bar.ChangeMax(all)
		_ = bar.Set(done) // cosmetic
	}
	report, err := f.report(cmd, folder, entries)
	if err != nil {
		return hintedData(err)
	}
	write := report.WriteText
	if f.asJSON {
		write = report.WriteJSON
	}
	if err := write(cmd.OutOrStdout()); err != nil || f.sheet == "" {
		return err
	}
	return durable.Replace(f.sheet, 0o644, func(w io.Writer) error { return png.Encode(w, report.Sheet()) })
}

func (f *compareFlags) report(cmd *cobra.Command, folder string, entries []compare.Entry) (*compare.Report, error) {
	if f.refine != "" {
		return compare.Refine(cmd.Context(), folder, f.data, entries, compare.Refinements(pipeline.GuidedFilter(f.refine)), f.opt)
	}
	samples, excluded, err := evaluate.Load(cmd.Context(), folder, f.data)
	if err != nil {
		return nil, err
	}
	if f.sheet != "" {
		f.opt.Keep = compare.MaxSheet
	}
	report, err := compare.Run(cmd.Context(), samples, entries, f.opt)
	if err != nil {
		return nil, err
	}
	report.Folder, report.Excluded = folder, excluded
	return report, nil
}

// refined are the models to be refined: methods do not answer with probabilities.
func (f *compareFlags) refined(cmd *cobra.Command) ([]compare.Entry, error) {
	if err := wantRefinement(f.refine); err != nil {
		return nil, err
	}
	if flags := cmd.Flags(); flags.Changed("method") && !onlyNone(f.methods) || f.sheet != "" || onlyNone(f.bundles) {
		return nil, command.Usagef("leave --method and --sheet out", "%s --refine compares models alone", cmd.CommandPath())
	}
	return f.models()
}
