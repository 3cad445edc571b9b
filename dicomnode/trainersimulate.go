package main

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"

	"github.com/spf13/cobra"

	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate"
)

func trainerSimulateCmd() *cobra.Command {
	var opt simulate.Options
	cmd := &cobra.Command{
		Use: "simulate --out DATASET [--anatomy NPZ] [--count N] [--seed S]", Short: "write labelled simulated radiographs",
		Long: `Write a data set folder of simulated radiographs. With --anatomy they are cast
through that whole body in many poses and views; an interrupted run goes on.
Without, they show the small limb phantom: a cylinder of soft tissue with two
bones, which needs no data and is for trying the training out.
` + exitCodes,
		Example: "  dicomnode trainer simulate --out data/limbs --count 200 --seed 1",
		Args:    wantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.Out == "" || opt.Count < 1 {
				return usagef("for example --out data/limbs --count 200", "%s wants --out and a --count of at least 1", cmd.CommandPath())
			}
			if err := simulatePictures(cmd, opt); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%d pictures in %s\n", opt.Count, opt.Out)
			return err
		},
	}
	cmd.Flags().StringVarP(&opt.Out, "out", "o", "", "folder to write")
	cmd.Flags().StringVar(&opt.Anatomy, "anatomy", "", "whole-body surface model (.npz)")
	cmd.Flags().IntVar(&opt.Count, "count", 100, "pictures")
	cmd.Flags().IntVar(&opt.Size, "size", 0, "longer side of pictures of an anatomy; 0 is 256")
	cmd.Flags().Uint64Var(&opt.Seed, "seed", 1, "seed of everything random")
	return cmd
}

func simulatePictures(cmd *cobra.Command, opt simulate.Options) error {
	if opt.Anatomy == "" {
		return simulateLimbs(cmd, opt.Out, opt.Count, opt.Seed)
	}
	bar := newProgress(cmd.ErrOrStderr(), opt.Count, "simulating")
	return simulate.Run(cmd.Context(), opt, func(done, _ int) { _ = bar.Set(done) }) // cosmetic
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
