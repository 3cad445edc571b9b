package segment

import (
	"slices"

	"dicomnode/internal/raster"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
)

// In a slice the air around the body is more uniform than in a radiograph with noise, its
// edge at the skin is a step, and the body seldom reaches the frame. In a projection the
// thickness of the body increases from zero, and limbs continue beyond the frame.
// docs/model/reference.md has the pictures on which these values were chosen, and others.
const (
	mostLeaving = 0.3 // of the frame, not open beam

	flatShare = 0.33 // of the picture, within flatRange of its brightest values
	flatRange = 0.02
	stepShare = 0.62 // of the difference between air and soft tissue, within three pixels
	minStep   = 0.15 // of the picture's greatest magnitude
	minSkin   = 20   // pixels of skin needed for a decision

	// The same for a body that hardly touches the frame, as a slice near the crown of a head.
	within     = 0.02 // of the frame
	flatWithin = 0.25
	stepWithin = 0.55

	closed   = 0.1  // of the frame: what leaves it less lies within the picture
	skinDeep = 3    // pixels below the skin where a slice absorbs like the whole body
	risen    = 0.85 // of the difference between the medians of air and body, at skinDeep

	leastHole = 0.01 // of the picture: an area of open beam that the body encloses
	sunken    = 0.4  // of the difference between the medians of air and body, in such an area
)

// slice returns why the picture looks like a slice, usually "". exposed is the exposed share of each
// place.
func slice(v *view, a *scales.Answer, exposed []float32) string {
	x, m := v.geo.Cut(v.x), a.WholeMap
	label := likeliest(m)
	out := leaving(label, m.Width)
	if out >= mostLeaving {
		return ""
	}
	leastFlat, leastStep := flatShare, stepShare
	if out < within {
		leastFlat, leastStep = flatWithin, stepWithin
	}
	if step, contrast, skin := edge(x, label, m.Geometry); flat(x) >= leastFlat && skin >= minSkin && step >= minStep && step >= leastStep*contrast {
		return "the air around the body is flat and begins with a step, as in a slice"
	}
	if out < closed && rise(x, label, m.Width) > risen {
		return "the body is as thick at its edge as within, as in a slice"
	}
	if deepest(x, label, m.Width, exposed) > sunken {
		return "what is taken for open beam within the body is darker than the air around it, as in a slice of a skull"
	}
	return ""
}

// leaving is the share of the picture's frame that is not open beam.
func leaving(label []uint8, width int) float64 {
	n, out, last := 0, 0, len(label)/width-1
	for i, c := range label {
		if y, k := i/width, i%width; y == 0 || y == last || k == 0 || k == width-1 {
			n++
			if c != picture.OpenBeam {
				out++
			}
		}
	}
	return float64(out) / float64(n)
}

// flat is the share of x within flatRange of its brightest values.
func flat(x []float32) float64 {
	low, top := slices.Min(x), slices.Max(x)
	high := raster.Nth(slices.Clone(x), len(x)*98/100)
	n := 0
	for _, g := range x {
		if g > high-flatRange*(top-low) {
			n++
		}
	}
	return float64(n) / float64(len(x))
}

// rise is how much the body absorbs at skinDeep, relative to the difference between the
// medians of air and body; 0 without air, skin or such a difference.
func rise(x []float32, label []uint8, width int) float64 {
	var air, body, skin []float64
	depth := depths(label, width, skinDeep)
	for i, c := range label {
		v := float64(x[i])
		if c == picture.OpenBeam {
			air = append(air, v)
			continue
		}
		body = append(body, v)
		if depth[i] == skinDeep {
			skin = append(skin, v)
		}
	}
	beam := median(air)
	contrast := beam - median(body)
	if !(contrast > 0) || len(skin) < minSkin {
		return 0
	}
	return (beam - median(skin)) / contrast
}

// deepest is how much the darkest hole absorbs, relative to the difference between the medians of
// air and body in the exposed field: an area of open beam that does not reach the frame and is not
// small. In a radiograph the beam is as bright between two fingers as beside them.
func deepest(x []float32, label []uint8, width int, exposed []float32) (most float64) {
	areas := raster.Connect(label, len(label)/width, width)
	size, reaches := areas.Areas(), map[int]bool{}
	for k, r := range areas.Runs {
		if r.Row == 0 || r.From == 0 || int(r.To) == width || int(r.Row) == len(label)/width-1 {
			reaches[areas.Root(k)] = true
		}
	}
	var air, body []float64
	hole := map[int][]float64{}
	for k, r := range areas.Runs {
		first, root := areas.First(k), areas.Root(k)
		for i, g := range x[first:][:r.To-r.From] {
			switch {
			case exposed[first+i] < 0.5:
			case label[first] != picture.OpenBeam:
				body = append(body, float64(g))
			case reaches[root]:
				air = append(air, float64(g))
			case float64(size[root]) >= leastHole*float64(len(label)):
				hole[root] = append(hole[root], float64(g))
			}
		}
	}
	beam := median(air)
	contrast := beam - median(body)
	if !(contrast > 0) {
		return 0
	}
	for _, in := range hole {
		most = max(most, (beam-median(in))/contrast)
	}
	return most
}

// depths numbers the places of the body by their distance from open beam, in steps to one of
// four neighbours, up to most; deeper ones and open beam are 0.
func depths(label []uint8, width int, most uint8) []uint8 {
	depth := make([]uint8, len(label))
	for step := uint8(1); step <= most; step++ {
		for i, c := range label {
			if depth[i] == 0 && c != picture.OpenBeam && slices.ContainsFunc(beside(i, width, len(label)), func(j int) bool {
				return depth[j] == step-1 && (step > 1) == (label[j] != picture.OpenBeam)
			}) {
				depth[i] = step
			}
		}
	}
	return depth
}

// beside returns the up to four neighbours of a place.
func beside(i, width, n int) []int {
	b := make([]int, 0, 4)
	if i%width > 0 {
		b = append(b, i-1)
	}
	if i%width < width-1 {
		b = append(b, i+1)
	}
	if i >= width {
		b = append(b, i-width)
	}
	if i+width < n {
		b = append(b, i+width)
	}
	return b
}

// edge is the median step from open beam to soft tissue over three pixels across the skin, the
// difference between the medians of both, and the number of places measured.
func edge(x []float32, label []uint8, m picture.Geometry) (step, contrast float64, places int) {
	var steps, open, soft []float64
	for y := range m.Height {
		for k := range m.Width {
			i := y*m.Width + k
			switch label[i] {
			case picture.OpenBeam:
				open = append(open, float64(x[i]))
			case picture.SoftTissue:
				soft = append(soft, float64(x[i]))
			}
			for _, d := range []struct {
				by   int
				room bool
			}{{1, k >= 1 && k+2 < m.Width}, {m.Width, y >= 1 && y+2 < m.Height}} {
				if !d.room {
					continue
				}
				across := float64(x[i-d.by] - x[i+2*d.by])
				switch here, next := label[i], label[i+d.by]; {
				case here == picture.OpenBeam && next == picture.SoftTissue:
					steps = append(steps, across)
				case here == picture.SoftTissue && next == picture.OpenBeam:
					steps = append(steps, -across)
				}
			}
		}
	}
	return median(steps), median(open) - median(soft), len(steps)
}
