package part10

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"

	"dicomnode/internal/uid"
)

// Step is what Visit and VisitItems find in a data set: a value, the start or end of a sequence
// or item, or a fragment of encapsulated pixel data.
type Step struct {
	Kind StepKind
	Tag  Tag    // of the element; for an end, of the element that ends
	VR   string // as written; "" if there is none, or it is not a VR of PS3.5
	// Value shares the memory of the file and has the byte order of the data set.
	Value     []byte
	BigEndian bool
	Repeated  bool // the tag has occurred before at the top level; the first occurrence is used
}

// StepKind is the kind of a Step.
type StepKind uint8

// The kinds of steps.
const (
	ValueStep     StepKind = iota // an element with a value
	SequenceStep                  // start of a sequence
	ItemStep                      // start of an item
	FragmentsStep                 // start of encapsulated pixel data (PS3.5 A.4)
	FragmentStep                  // a fragment; the first is the Basic Offset Table
	PixelDataStep                 // Pixel Data, at which Visit stops
	EndStep                       // end of a sequence, an item or encapsulated pixel data
)

// Visit reads a Part 10 file in memory by the rules of [Read] and calls each for all of its
// content, including private attributes, group lengths and elements after Pixel Data. It does
// not look into values of VR UN or without a VR; use VisitItems for these. With head it stops
// at Pixel Data with a PixelDataStep; the pixels themselves may be missing. limit is the
// greatest size in bytes of an inflated data set. Visit returns the transfer syntax.
func Visit(file []byte, head bool, limit int64, each func(Step) error) (transferSyntaxUID string, err error) {
	w, ts, enc, _, err := openFile(file)
	if err != nil {
		return "", err
	}
	if ts == uid.DeflatedExplicitVRLittleEndian {
		if w, err = inflateAll(w, head, limit); err != nil {
			return ts, err
		}
	}
	k := newWalker(w, enc)
	k.visit = each
	var stopped error
	err = k.run(func(el element) bool {
		if !head || el.tag != tagPixelData {
			return false
		}
		stopped = each(Step{Kind: PixelDataStep, Tag: el.tag})
		return true
	})
	return ts, errors.Join(err, stopped)
}

// inflateAll inflates a data set. If cut is set, the file may be truncated, and inflateAll
// returns what it contains.
func inflateAll(w *window, cut bool, limit int64) (*window, error) {
	in := newInflater(bytes.NewReader(w.buf[w.lo:w.hi]))
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	var corrupt flate.CorruptInputError
	switch {
	case int64(len(b)) > limit:
		return nil, ErrInflated
	case err != nil && !(cut && errors.Is(err, io.ErrUnexpectedEOF)), errors.As(err, &corrupt):
		return nil, &SyntaxError{Problem: fmt.Sprintf("deflated data set is damaged after %d bytes", len(b))}
	}
	return inMemory(b), nil
}

// VisitItems reads the value of a sequence whose VR is UN or not written (PS3.5 6.2.2), and
// calls each for the content of its items: the steps between the start and the end of the
// sequence.
func VisitItems(of Tag, value []byte, each func(Step) error) error {
	in := level{kind: sequence, end: int64(len(value)), since: element{tag: of, vr: "UN"}}
	depth := 0
	k := &walker{window: inMemory(value), stack: []level{in}, base: 1}
	k.visit = func(s Step) error {
		switch s.Kind {
		case SequenceStep, ItemStep, FragmentsStep:
			depth++
		case EndStep:
			if depth--; depth < 0 {
				return nil // end of the sequence itself
			}
		}
		return each(s)
	}
	return k.run(nil)
}

// visitValue calls the visitor for a value.
func (k *walker) visitValue(top *level, el element) error {
	value := k.look(int64(el.length))
	if len(value) < int(el.length) {
		return el.fail("want %d bytes, have %d", el.length, len(value))
	}
	s := Step{Kind: ValueStep, Tag: el.tag, VR: el.vr, Value: value, BigEndian: top.enc.big, Repeated: el.repeated}
	if _, known := representations[el.vr]; !known {
		s.VR = ""
	}
	if top.kind == fragments {
		s.Kind, s.Tag = FragmentStep, top.since.tag
	}
	return k.visit(s)
}

// visitOpen calls the visitor for the start of a level.
func (k *walker) visitOpen(in level) error {
	kinds := map[levelKind]StepKind{sequence: SequenceStep, item: ItemStep, fragments: FragmentsStep}
	return k.visit(Step{Kind: kinds[in.kind], Tag: in.since.tag, VR: in.since.vr, Repeated: in.since.repeated})
}
