package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/model"
	"dicomnode/model/ort"
	"dicomnode/segment"
)

// Values of model.bundle that are no files: the bundle in the program, and the one
// that was published last, or the one in the program while there is none.
const (
	embedded      = "embedded"
	embeddedField = "embedded-field" // that of the exposed field, to look at or to start from
	published     = "published"
)

func modelCmd() *cobra.Command {
	return group("model", "show, verify and roll back model bundles", modelInfoCmd(), modelVerifyCmd(), modelListCmd(), modelRollbackCmd())
}

// loadBundle reads the bundle that the configuration names.
func loadBundle(name string) (*model.Bundle, error) {
	switch name {
	case embedded:
		return model.Embedded()
	case embeddedField:
		return model.EmbeddedField()
	}
	b, err := model.LoadBundle(name)
	if err != nil {
		return nil, hinted(fmt.Errorf("load model: %w", err), `a bundle is a whole file that "dicomnode trainer fit" wrote; "embedded" stands for the model in this program`)
	}
	return b, nil
}

// openModel makes the configured model ready to predict and names it for the SEG.
func openModel(_ context.Context, c configs.Config) (*model.Session, segment.Model, error) {
	b, err := configuredBundle(c)
	if err != nil {
		return nil, segment.Model{}, err
	}
	s, err := openBundle(b, model.Regions, c.Model)
	if err != nil {
		return nil, segment.Model{}, fmt.Errorf("open model: %w", err)
	}
	return s, segment.Model{Name: b.Card.Name, Version: b.Card.Version, Digest: s.Digest(), Device: s.Device()}, nil
}

// openField makes the program's model of the exposed field ready to predict.
func openField(c configs.Config) (*model.Session, error) {
	b, err := model.EmbeddedField()
	if err != nil {
		return nil, err
	}
	s, err := openBundle(b, model.Field, c.Model)
	if err != nil {
		return nil, fmt.Errorf("open model of the exposed field: %w", err)
	}
	return s, nil
}

// openBundle makes a bundle ready to predict where the configuration wants it.
func openBundle(b *model.Bundle, target model.Target, c configs.Model) (*model.Session, error) {
	s, err := model.Open(b, model.Options{Target: target, Device: c.Device, Library: c.Library, Threads: c.Threads, Log: slog.New(slog.DiscardHandler)})
	return s, hintedLibrary(err, "in a node's configuration model: {library: FILE} names the library too")
}

// hintedLibrary adds how this verb is told where ONNX Runtime is.
func hintedLibrary(err error, how string) error {
	if errors.Is(err, ort.ErrNoLibrary) {
		return hinted(err, how)
	}
	return err
}

// segmentConfig is the configuration of the pipeline. Thresholds of the
// configuration come before those of the model's card.
func segmentConfig(c configs.Config, card model.Card) segment.Config {
	threshold, parts := c.SoftTissue.Threshold, map[string]float64{}
	if threshold == 0 {
		threshold = card.SoftTissue.Threshold
		maps.Copy(parts, card.SoftTissue.ByBodyPart)
	}
	maps.Copy(parts, c.SoftTissue.ByBodyPart)
	return segment.Config{SoftTissueThreshold: threshold, SoftTissueThresholdByBodyPart: parts, Guided: guidedFilter(c.Segmentation.Refine)}
}

func modelInfoCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "info [BUNDLE] [--json]", Short: "print the card of a model bundle",
		Long: `Print what a model is, what it was trained on, how good it was found to be and
on what terms it may be used. Without BUNDLE: the one in this program. Its model
of the exposed field is embedded-field.
` + exitCodes,
		Example: "  dicomnode model info",
		Args:    wantArgs(0, 1, "at most one bundle"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := loadBundle(append(args, embedded)[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), struct {
					Digest string     `json:"digest"`
					Bytes  int        `json:"bytes"`
					Card   model.Card `json:"card"`
				}{b.Digest, len(b.Bytes()), b.Card})
			}
			printCard(cmd, b)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printCard(cmd *cobra.Command, b *model.Bundle) {
	w, c := cmd.OutOrStdout(), b.Card
	fmt.Fprintf(w, "%s %s (%s, width %d, %.1f MB)\n%s\n", c.Name, c.Version, c.Architecture, c.Width, float64(len(b.Bytes()))/1e6, c.Notice)
	fmt.Fprintf(w, "digest    %s\nclasses   %s\ninput     %d×%d, %s, %s\n", b.Digest, strings.Join(c.Classes, ", "), c.Input.Rows, c.Input.Columns, c.Input.Polarity, c.Input.Normalisation)
	fmt.Fprintf(w, "training  %s (%d images)\n", c.Training.Description, c.Training.Images)
	if c.Training.Command != "" {
		fmt.Fprintf(w, "          repeat: %s\n", c.Training.Command)
	}
	if c.Average != "" {
		fmt.Fprintf(w, "average   over %s of the input\n", c.Average)
	}
	if c.Target == model.Regions {
		printThresholds(w, c.SoftTissue)
	}
	if k := c.Calibration; k != nil {
		fmt.Fprintf(w, "calibrated on %d images: logits × %.2f, then open beam %+.2f, soft tissue %+.2f, bone %+.2f\n", k.Images, k.Scale, k.Shift[0], k.Shift[1], k.Shift[2])
	}
	for _, m := range c.Metrics {
		fmt.Fprintf(w, "metric    %s = %.4f on %s\n          repeat: %s\n", m.Name, m.Value, m.Data, m.Command)
	}
	fmt.Fprintf(w, "licence   %s\n", c.Licence)
	for _, a := range c.Attributions {
		fmt.Fprintf(w, "          %s\n", a)
	}
}

func printThresholds(w io.Writer, s model.Thresholds) {
	fmt.Fprintf(w, "soft tissue with high precision from probability %.3f", s.Threshold)
	for _, part := range slices.Sorted(maps.Keys(s.ByBodyPart)) {
		fmt.Fprintf(w, ", %s %.3f", part, s.ByBodyPart[part])
	}
	fmt.Fprintln(w)
	if k := s.Chosen; k != nil {
		fmt.Fprintf(w, "          chosen %s\n", k)
	}
}
