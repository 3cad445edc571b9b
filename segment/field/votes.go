package field

import (
	"encoding/binary"
	"math"

	"dicomnode/internal/raster"
)

// The Radon transform sums votes as integers of 16 bits, four of them at a time in a word. They
// do not overflow into each other: a vote is 1 to 2·oneVote−1, and a line has at most one in
// each row.
const (
	oneVote  = 128                                            // of 1
	laneSize = 2                                              // bytes of a vote
	lanes    = 8 / laneSize                                   // votes in a word
	apart    = 4 * lanes                                      // votes of 0 that are left out when there are so many
	_        = uint(math.MaxUint16 - fieldSide*(2*oneVote-1)) // does not overflow
)

// votes are the votes of h×w pixels.
type votes struct {
	h, w   int
	exact  []float32
	packed []byte             // rows of votes, each with oneVote added
	stride int                // bytes of a row
	spans  [][]raster.Stretch // of each row; all other votes are 0
}

func newVotes(step []float32, h, w int) *votes {
	v := &votes{h: h, w: w, exact: step, stride: laneSize * (w + lanes), spans: make([][]raster.Stretch, h)}
	v.packed = make([]byte, h*v.stride)
	raster.Parallel(h, func(y int) {
		row, packed := step[y*w:][:w], v.packed[y*v.stride:]
		v.spans[y] = filled(row)
		for _, s := range v.spans[y] {
			for x := s.From; x < s.To; x++ {
				vote := oneVote + int(math.Round(float64(row[x])*(oneVote-1)))
				binary.LittleEndian.PutUint16(packed[laneSize*x:], uint16(vote))
			}
		}
	})
	return v
}

// filled returns the parts of a row outside which all values are 0. Between them are at least
// so many zeros that words of votes do not overlap.
func filled(row []float32) (out []raster.Stretch) {
	for x, v := range row {
		switch last := len(out) - 1; {
		case v == 0:
		case last >= 0 && x < out[last].To+apart:
			out[last].To = x + 1
		default:
			out = append(out, raster.Stretch{From: x, To: x + 1})
		}
	}
	return out
}

// lines are buffers for the lines of one slope.
type lines struct {
	packed []byte    // sums of votes, each with oneVote added
	number []int     // the change of the number of votes from line to line
	first  []int     // the line of the first vote of each row
	sums   []float32 // the result
}

func (v *votes) lines() lines {
	n := v.w + v.h + 4
	return lines{make([]byte, laneSize*(n+lanes)), make([]int, n+1), make([]int, v.h), make([]float32, n)}
}

// error is the greatest rounding error of a sum of votes.
func (v *votes) error() float32 { return float32(v.h) / (oneVote - 1) }

// line is the exact sum of the votes on a line of the slope that was sheared last.
func (v *votes) line(own lines, i int) (sum float32) {
	for y, first := range own.first {
		if x := i - first; x >= 0 && x < v.w {
			sum += v.exact[y*v.w+x]
		}
	}
	return sum
}

// shear sums votes, rounded, along lines of one slope; element i is the line at i − h/2 − 1.
func (v *votes) shear(own lines, slope float64) []float32 {
	clear(own.packed)
	clear(own.number)
	for y, spans := range v.spans {
		off := v.h/2 + 1 - int(math.Round(slope*(float64(y)-float64(v.h)/2)))
		own.first[y] = off
		for _, s := range spans {
			n := (s.To - s.From + lanes - 1) / lanes * 8
			add(own.packed[laneSize*(off+s.From):][:n], v.packed[y*v.stride+laneSize*s.From:][:n])
			own.number[off+s.From]++
			own.number[off+s.To]--
		}
	}
	number := 0
	for i := range own.sums {
		number += own.number[i]
		sum := int(binary.LittleEndian.Uint16(own.packed[laneSize*i:])) - oneVote*number
		own.sums[i] = float32(sum) / (oneVote - 1)
	}
	return own.sums
}

// add adds whole words of votes to sums.
func add(sums, votes []byte) {
	for ; len(sums) >= 32 && len(votes) >= 32; sums, votes = sums[32:], votes[32:] {
		for k := 0; k < 32; k += 8 {
			binary.LittleEndian.PutUint64(sums[k:], binary.LittleEndian.Uint64(sums[k:])+binary.LittleEndian.Uint64(votes[k:]))
		}
	}
	for ; len(sums) >= 8 && len(votes) >= 8; sums, votes = sums[8:], votes[8:] {
		binary.LittleEndian.PutUint64(sums, binary.LittleEndian.Uint64(sums)+binary.LittleEndian.Uint64(votes))
	}
}
