package burned

// sums is a summed-area table of marked pixels, used to count those in any box.
type sums struct {
	n      []int32
	around Box
}

func newSums(around Box) *sums {
	return &sums{make([]int32, (around.Width+1)*(around.Height+1)), around}
}

// mark marks the pixels of a row from left up to, but not including, right.
func (s *sums) mark(y, left, right int) {
	line := s.n[(y-s.around.Top+1)*(s.around.Width+1)+1:]
	for x := left; x < right; x++ {
		line[x-s.around.Left] = 1
	}
}

// add turns the marks into sums.
func (s *sums) add() {
	wide := s.around.Width + 1
	for y := 1; y <= s.around.Height; y++ {
		var line int32
		for x := 1; x < wide; x++ {
			line += s.n[y*wide+x]
			s.n[y*wide+x] = line + s.n[(y-1)*wide+x]
		}
	}
}

func sumsOf(boxes []Box) *sums {
	around := boxes[0]
	for _, b := range boxes {
		around = around.union(b)
	}
	s := newSums(around)
	for _, b := range boxes {
		for y := b.Top; y < b.Top+b.Height; y++ {
			s.mark(y, b.Left, b.Left+b.Width)
		}
	}
	s.add()
	return s
}

// in returns the number of marked pixels in a box.
func (s *sums) in(b Box) int {
	at := func(x, y int) int32 { return s.n[(y-s.around.Top)*(s.around.Width+1)+x-s.around.Left] }
	right, bottom := b.Left+b.Width, b.Top+b.Height
	return int(at(right, bottom) - at(b.Left, bottom) - at(right, b.Top) + at(b.Left, b.Top))
}

// holds reports whether a pixel is marked.
func (s *sums) holds(x, y int) bool { return s.around.Holds(x, y) && s.in(Box{x, y, 1, 1}) > 0 }
