package main

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"

	"github.com/spf13/cobra"

	"dicomnode/trainer/dataset"
)

func trainerSimulateCmd() *cobra.Command {
	var out string
	var count int
	var seed uint64
	cmd := &cobra.Command{
		Use: "simulate --out DATASET [--count N] [--seed S]", Short: "write labelled pictures of the small limb phantom",
		Long: `Write a data set folder of simulated limb radiographs: a cylinder of soft tissue
with two bones, Beer-Lambert attenuation, quantum noise and detector offset. It
needs no data and is for trying the training out; a model that is trained on it
alone knows no other body part.
` + exitCodes,
		Example: "  dicomnode trainer simulate --out data/limbs --count 200 --seed 1",
		Args:    wantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" || count < 1 {
				return usagef("for example --out data/limbs --count 200", "%s wants --out and a --count of at least 1", cmd.CommandPath())
			}
			if err := simulateLimbs(cmd, out, count, seed); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%d pictures in %s\n", count, out)
			return err
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "folder to write")
	cmd.Flags().IntVar(&count, "count", 100, "pictures")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "seed of everything random")
	return cmd
}

func simulateLimbs(cmd *cobra.Command, out string, count int, seed uint64) error {
	w, err := dataset.Create(out)
	if err != nil {
		return err
	}
	bar := newProgress(cmd.ErrOrStderr(), count, "simulating")
	for i := range count {
		if err := errors.Join(cmd.Context().Err(), addLimb(w, i, count, seed)); err != nil {
			return errors.Join(err, w.Close())
		}
		_ = bar.Add(1) // cosmetic
	}
	return w.Close()
}

// addLimb writes picture i; one of ten is for testing and one for validation.
func addLimb(w *dataset.Writer, i, count int, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, uint64(i)))
	p := phantom{name: fmt.Sprintf("limb-%0*d", len(fmt.Sprint(count)), i), rows: 240 + random.IntN(200), cols: 240 + random.IntN(200),
		radius: 0.10 + 0.25*random.Float64(), tilt: random.NormFloat64() * 0.4, beam: true, seed: random.Uint64()}
	split := dataset.Train
	switch i % 10 {
	case 8:
		split = dataset.Validation
	case 9:
		split = dataset.Test
	}
	picture, label := p.picture()
	return w.Add(dataset.Item{ID: p.name, BodyPart: "arm", Polarity: dataset.AirBright, Split: split, Source: "limb phantom"}, picture, label)
}

// picture is the phantom as a 16-bit picture and its label.
func (p phantom) picture() (*image.Gray16, *image.Gray) {
	frame := image.Rect(0, 0, p.cols, p.rows)
	picture, label := image.NewGray16(frame), image.NewGray(frame)
	for i, v := range p.pixels() {
		y, x := i/p.cols, i%p.cols
		picture.SetGray16(x, y, color.Gray16{Y: v})
		limb, bone := p.paths(y, x)
		switch {
		case bone > 0:
			label.SetGray(x, y, color.Gray{Y: 2})
		case limb > 0:
			label.SetGray(x, y, color.Gray{Y: 1})
		}
	}
	return picture, label
}
