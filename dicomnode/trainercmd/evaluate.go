package trainercmd

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/threshold"
	"dicomnode/model"
	"dicomnode/segment"
	"dicomnode/segment/scales"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// evaluateFlags are those of trainer evaluate.
type evaluateFlags struct {
	model     modelFlags
	opt       evaluate.Options
	threshold float64 // 0: the model card's
	bundle    string
	trunk     string
	refine    string
	effort    effortFlag
	out       string
	quality   bool
	asJSON    bool
	markdown  bool
}

func trainerEvaluateCmd() *cobra.Command {
	var f evaluateFlags
	cmd := &cobra.Command{
		Use: "evaluate DATASET [--model BUNDLE] [--exclude PATTERN] [--split S] [--effort E] [--refine METHOD] [--json] [--out DIR]", Short: "score a model on a labelled data set",
		Long: `Score a model on a data set folder (dataset.csv, images, labels) at the network's
200×200 pixels, as predicted and as refined for the masks, and at native resolution:
accuracy, precision, recall, F1, AUC and confidence per class, body part and image, the confusion matrix, calibration,
soft-tissue rates by threshold, boundary distances (also in millimetres if the
table has a column spacing_mm), and bootstrap intervals over images. --out
writes metrics.json and report.html. The report contains pictures of the data set:
store it only where the data set may be stored.
` + command.ExitCodes,
		Example: "  dicomnode trainer evaluate data/labelled --exclude '*phantom*' --out out/evaluation",
		Args:    command.WantArgs(1, 1, "one data set folder"),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.add(cmd)
	return cmd
}

func (f *evaluateFlags) add(cmd *cobra.Command) {
	f.model.add(cmd)
	f.effort.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.bundle, "model", pipeline.Embedded, "model bundle, or \"embedded\"")
	flags.StringVar(&f.trunk, "trunk", pipeline.Auto, "model bundle for images of trunk and head, as by model.trunk: auto, embedded, none or a file")
	flags.StringSliceVar(&f.opt.Exclude, "exclude", nil, "pattern of ids to leave out (repeatable)")
	flags.StringSliceVar(&f.opt.Splits, "split", nil, "split to score (repeatable; default all)")
	flags.Float64Var(&f.threshold, "threshold", 0, "soft-tissue probability to report on; 0 takes those of the model card, by body part")
	flags.IntVar(&f.opt.Resamples, "resamples", 1000, "of images for the intervals; 0 leaves intervals out")
	flags.Uint64Var(&f.opt.Seed, "seed", 1, "seed of the resamples and of the images shown")
	flags.IntVar(&f.opt.Cases, "cases", 6, "images with the lowest accuracy in the report, and as many random ones")
	flags.StringVar(&f.refine, "refine", configs.Default().Segmentation.Refine, "upsampling for the scores at native resolution and for the refined ones: "+strings.Join(pipeline.Refinements, " or "))
	flags.BoolVar(&f.quality, "quality", false, "compute the quality of each prediction as the node does (one more pass, for the exposed field), and report how well it finds inaccurate ones")
	flags.StringVarP(&f.out, "out", "o", "", "folder for metrics.json and report.html")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	flags.BoolVar(&f.markdown, "markdown", false, "print the main figures as a Markdown table")
}

func (f *evaluateFlags) check() error {
	switch o := f.opt; {
	case !(f.threshold >= 0 && f.threshold <= 1):
		return command.Usagef("for example --threshold 0.9", "--threshold %v: want 0 to 1", f.threshold)
	case o.Cases < 0:
		return command.Usagef("for example --cases 6", "--cases %d: want no negative number", o.Cases)
	case o.Resamples < 0:
		return command.Usagef("--resamples 0 leaves intervals out", "--resamples %d: want no negative number", o.Resamples)
	}
	return wantRefinement(f.refine)
}

func (f *evaluateFlags) run(cmd *cobra.Command, folder string) error {
	if err := f.check(); err != nil {
		return err
	}
	if err := command.WantFolder(f.out); err != nil {
		return err
	}
	var err error
	if f.opt.Effort, err = f.effort.effort(); err != nil {
		return err
	}
	f.opt.Guided = pipeline.GuidedFilter(f.refine)
	report, err := f.measure(cmd, folder)
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := report.WriteFolder(f.out); err != nil {
			return err
		}
	}
	if f.asJSON {
		return report.WriteJSON(cmd.OutOrStdout())
	}
	if f.markdown {
		return report.WriteMarkdown(cmd.OutOrStdout())
	}
	if err := report.WriteText(cmd.OutOrStdout()); err != nil || f.out == "" {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "\nreport: %s\n", filepath.Join(f.out, evaluate.ReportFile))
	return err
}

func (f *evaluateFlags) measure(cmd *cobra.Command, folder string) (*evaluate.Report, error) {
	b, err := pipeline.LoadBundle(f.bundle)
	if err != nil {
		return nil, err
	}
	s, err := f.model.open(b)
	if err != nil {
		return nil, err
	}
	opt := f.opt
	opt.Network = pipeline.Correction(b.Card, f.opt.Effort, model.AtNetwork, "")
	opt.Native = pipeline.Correction(b.Card, f.opt.Effort, model.AtNative, f.refine)
	if opt.SoftTissue, opt.Chosen, err = f.thresholds(b.Card.SoftTissue); err != nil {
		return nil, command.JoinClose(err, s)
	}
	if opt.Resamples == 0 {
		opt.Resamples = -1
	}
	opt.Model = &evaluate.Model{Name: b.Card.Name, Version: b.Card.Version, Digest: s.Digest(), Device: s.Device()}
	closers := []io.Closer{s}
	more, err := f.second(b, &opt)
	closers = append(closers, more...)
	if err != nil {
		return nil, closeAll(err, closers)
	}
	bar := command.NewProgress(cmd.ErrOrStderr(), 1, "")
	opt.Progress = func(done, all int) {
		if done == 1 {
			bar = command.NewProgress(cmd.ErrOrStderr(), all, "evaluating")
		}
		_ = bar.Set(done) // cosmetic
	}
	report, err := evaluate.Run(cmd.Context(), folder, s, opt)
	return report, closeAll(hintedData(err), closers)
}

// closeAll closes all and adds their errors to err.
func closeAll(err error, all []io.Closer) error {
	for _, c := range all {
		err = command.JoinClose(err, c)
	}
	return err
}

// second opens the model for images of trunk and head, if there is one beside b, and the model
// of the exposed field, by which the node chooses between both and judges the answers. They
// must be closed, also after an error.
func (f *evaluateFlags) second(b *model.Bundle, opt *evaluate.Options) (opened []io.Closer, err error) {
	trunk, err := pipeline.TrunkBundle(f.trunk, b)
	if err != nil || trunk == nil && !f.quality {
		return nil, err
	}
	c := configs.Default().Model
	c.Device, c.Library, c.Threads = f.model.device, f.model.library, f.model.threads
	field, err := pipeline.OpenField(c)
	if err != nil {
		return nil, err
	}
	opened = append(opened, field)
	if f.quality {
		judge(opt, &segment.Pipeline{Field: field, FieldDigest: field.Digest()})
	}
	if trunk == nil {
		return opened, nil
	}
	s, err := f.model.open(trunk)
	if err != nil {
		return opened, err
	}
	opened = append(opened, s)
	effort := opt.Effort.OfTrunk()
	opt.Trunk = &evaluate.Trunk{Field: field, Network: pipeline.Correction(trunk.Card, effort, model.AtNetwork, "")}
	opt.Trunk.SoftTissue, _, err = f.thresholds(trunk.Card.SoftTissue)
	opt.Trunk.Predictor, opt.Trunk.Model = s, pipeline.Described(trunk, s)
	opt.Trunk.Config = segment.Config{Effort: effort, Correction: pipeline.Correction(trunk.Card, effort, model.AtNative, f.refine)}
	return opened, err
}

// judge has the answers judged as the node does it.
func judge(opt *evaluate.Options, p *segment.Pipeline) {
	opt.Limit = segment.LeastQuality
	opt.Judge = func(ctx context.Context, m *dataset.Picture, a *scales.Answer, trunk bool) (float64, error) {
		q, err := p.Judge(ctx, m.Pix, m.Rows, m.Cols, a, trunk)
		return q.Figure, err
	}
}

// thresholds are those to report on, the flag's or the card's, and how the card's were
// chosen.
func (f *evaluateFlags) thresholds(card model.Thresholds) (threshold.Table, string, error) {
	if f.threshold != 0 {
		t, err := threshold.New(&f.threshold, nil)
		return t, "", err
	}
	t, err := card.Table()
	if card.Chosen == nil {
		return t, "", err
	}
	return t, card.Chosen.String(), err
}
