package object

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"dicomnode/internal/charset"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

const (
	// MaxFile is the greatest size in bytes of a file that is read, and of an inflated data
	// set.
	MaxFile = 320 << 20

	undefined   = 0xFFFFFFFF
	maxDepth    = 32
	maxElements = 1 << 19
)

// Parse reads a Part 10 file by the rules of internal/part10, so that it reads whatever a node
// receives. The tree shares the memory of file, which must not be changed afterwards. Errors
// wrap ErrMalformed and contain no values.
func Parse(file []byte) (*Object, error) {
	o, _, err := parse(file, false)
	return o, err
}

// parse reads a file. With head it reads only the elements before the pixel data, and the file
// may end there. pixels reports whether pixel data follows.
func parse(file []byte, head bool) (o *Object, pixels bool, err error) {
	if len(file) > MaxFile {
		return nil, false, fmt.Errorf("%w: file of %d bytes, at most %d", ErrMalformed, len(file), MaxFile)
	}
	t := &tree{root: &Set{}}
	t.sets = []*Set{t.root}
	ts, err := part10.Visit(file, head, MaxFile, t.step)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return &Object{Meta: meta(file), TransferSyntaxUID: ts, Set: t.root}, t.pixels, nil
}

// meta returns the file meta information (PS3.10 7.1), which part10 has already checked.
func meta(file []byte) *Set {
	s := &Set{}
	if len(file) >= 132 && string(file[128:132]) == "DICM" {
		file = file[132:]
	}
	for e, err := range part10.Elements(file, uid.ExplicitVRLittleEndian) {
		if err != nil || e.Tag>>16 != 2 {
			break
		}
		s.Put(&Element{Tag: e.Tag, VR: e.VR, Value: e.Value})
	}
	return s
}

// tree builds a tree from steps.
type tree struct {
	root     *Set
	sets     []*Set     // open sets
	open     []*Element // open sequences and encapsulated pixel data
	levels   []part10.StepKind
	signed   bool // Pixel Representation of the data set
	elements int
	pixels   bool // Pixel Data begins at the end of the head
	dropped  int  // levels opened inside a repeated element
}

func (t *tree) step(s part10.Step) error {
	if t.elements++; t.elements > maxElements || len(t.sets) > maxDepth {
		return fmt.Errorf("%v: more than %d elements, or nested deeper than %d", s.Tag, maxElements, maxDepth)
	}
	if t.dropped > 0 || s.Repeated {
		t.drop(s)
		return nil
	}
	switch s.Kind {
	case part10.ValueStep:
		return t.value(s)
	case part10.FragmentStep:
		e := t.open[len(t.open)-1]
		e.Fragments = append(e.Fragments, s.Value)
	case part10.EndStep:
		t.end()
	case part10.PixelDataStep:
		t.pixels = true
	default:
		t.begin(s)
	}
	return nil
}

// drop skips a repeated element.
func (t *tree) drop(s part10.Step) {
	switch s.Kind {
	case part10.SequenceStep, part10.ItemStep, part10.FragmentsStep:
		t.dropped++
	case part10.EndStep:
		t.dropped--
	}
}

func (t *tree) set() *Set { return t.sets[len(t.sets)-1] }

func (t *tree) begin(s part10.Step) {
	t.levels = append(t.levels, s.Kind)
	switch s.Kind {
	case part10.ItemStep:
		item := &Set{Charset: t.set().Charset}
		e := t.open[len(t.open)-1]
		e.Items = append(e.Items, item)
		t.sets = append(t.sets, item)
		return
	case part10.FragmentsStep:
		vr := s.VR
		if vr == "" {
			vr = "OB"
		}
		t.open = append(t.open, &Element{Tag: s.Tag, VR: vr, Fragments: [][]byte{}})
	default:
		t.open = append(t.open, &Element{Tag: s.Tag, VR: "SQ"})
	}
	t.set().Put(t.open[len(t.open)-1])
}

func (t *tree) end() {
	kind := t.levels[len(t.levels)-1]
	t.levels = t.levels[:len(t.levels)-1]
	if kind == part10.ItemStep {
		t.sets = t.sets[:len(t.sets)-1]
	} else {
		t.open = t.open[:len(t.open)-1]
	}
}

// value adds an element. If its VR is UN or missing, it gets that of the data dictionary, and
// items in its value are parsed (PS3.5 6.2.2).
func (t *tree) value(s part10.Step) error {
	e := &Element{Tag: s.Tag, VR: s.VR, Value: s.Value}
	if s.VR == "UN" || s.VR == "" {
		known := VR(s.Tag, t.signed)
		items := len(s.Value) >= 8 && binary.LittleEndian.Uint32(s.Value) == 0xE000FFFE
		if known == "SQ" || known == "" && items {
			if whole, err := t.items(s); whole || err != nil {
				return err
			}
			known = ""
		}
		if e.VR = known; known == "" {
			e.VR = "UN"
		}
	}
	if s.BigEndian {
		e.Value = swapped(e.VR, e.Value)
	}
	t.notice(e)
	t.set().Put(e)
	return nil
}

// items adds the items in the value of an element. If the value is not a sequence, and the
// dictionary does not say that it is one, items returns false.
func (t *tree) items(s part10.Step) (whole bool, err error) {
	seq := &Element{Tag: s.Tag, VR: "SQ"}
	sets, open, levels, elements := len(t.sets), len(t.open), len(t.levels), t.elements
	t.open = append(t.open, seq)
	err = part10.VisitItems(s.Tag, s.Value, t.step)
	t.sets, t.open, t.levels = t.sets[:sets], t.open[:open], t.levels[:levels]
	if err != nil && VR(s.Tag, false) == "" {
		t.elements, t.dropped = elements, 0
		return false, nil // resembles items by chance: it stays a binary value
	}
	t.set().Put(seq)
	return true, err
}

// notice stores attributes that affect the meaning of later elements.
func (t *tree) notice(e *Element) {
	switch {
	case e.Tag == tagPixelRepresentation && len(e.Value) == 2:
		t.signed = e.Value[0] == 1
	case e.Tag == tagSpecificCharacterSet:
		t.set().Charset = charset.Parse(e.Value)
	}
}

// swapped converts big endian numbers to little endian (PS3.5 7.3).
func swapped(vr string, b []byte) []byte {
	width := part10.Width(vr)
	if width == 1 {
		return b
	}
	out := bytes.Clone(b)
	for n := out; len(n) >= width; n = n[width:] {
		slices.Reverse(n[:width])
	}
	return out
}
