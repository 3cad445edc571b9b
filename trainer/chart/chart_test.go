package chart_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"dicomnode/trainer/chart"
)

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		from, to float64
		n        int
		want     []string
	}{
		{0, 3, 8, []string{"0", "0.5", "1", "1.5", "2", "2.5", "3"}},
		{0, 100, 5, []string{"0", "20", "40", "60", "80", "100"}},
		{0.11, 0.52, 5, []string{"0.2", "0.3", "0.4", "0.5"}},
	} {
		x := chart.Axis{From: test.from, To: test.to, Format: chart.Number}
		c := chart.New("", "", x, x, chart.RoundStep(x.From, x.To, test.n), 1)
		var got []string
		for _, k := range c.X.Ticks {
			got = append(got, k.Text)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("ticks of %g to %g: %v, want %v", test.from, test.to, got, test.want)
		}
	}
}

// An undefined value interrupts the line; a value between two of them is marked, since a
// line of one point cannot be seen.
func TestGaps(t *testing.T) {
	none := math.NaN()
	one := chart.Axis{To: 1}
	for values, want := range map[*[]float64]struct {
		strokes, marks int
	}{
		{0, 1, 0.5}:        {1, 0},
		{0, 1, none, 1, 0}: {2, 0},
		{0, 1, none, 1}:    {2, 1},
		{none, 1, none}:    {1, 1},
		{none, none}:       {0, 0},
	} {
		c := chart.New("", "", one, one, 0.5, 0.5)
		var points [][2]float64
		for i, v := range *values {
			points = append(points, [2]float64{float64(i) / float64(len(*values)), v})
		}
		c.Draw("soft", "line", points)
		strokes := 0
		for _, l := range c.Lines {
			strokes += strings.Count(l.Path, "M")
		}
		if strokes != want.strokes || len(c.Marks) != want.marks {
			t.Errorf("%v: %d strokes and %d marks, want %+v", *values, strokes, len(c.Marks), want)
		}
	}
}
