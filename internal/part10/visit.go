package part10

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"

	"dicomnode/internal/uid"
)

// A Step is what Visit and VisitItems meet in a data set: a value, the beginning or
// end of what holds others, or a fragment of encapsulated pixel data.
type Step struct {
	Kind StepKind
	Tag  Tag    // of the element, also of what ends
	VR   string // as written, "" where none is, or none of PS3.5
	// Value shares memory with the file, in the byte order of the data set.
	Value     []byte
	BigEndian bool
	Repeated  bool // the tag occurred before, at the top level; the first counts
}

// StepKind is the kind of a Step.
type StepKind uint8

// The kinds of steps.
const (
	ValueStep     StepKind = iota // an element with a value
	SequenceStep                  // a sequence begins
	ItemStep                      // an item of it begins
	FragmentsStep                 // encapsulated pixel data begin (PS3.5 A.4)
	FragmentStep                  // one of their fragments, the first of which is the Basic Offset Table
	PixelDataStep                 // Pixel Data, where Visit stops
	EndStep                       // a sequence, an item or encapsulated pixel data end
)

// Visit reads a Part 10 file in memory under the rules of [Read] and calls each for
// all of it: private attributes, group lengths and what stands behind Pixel Data
// too. Values of VR UN, and those without a VR, are not looked into: VisitItems
// does that. With head it stops at Pixel Data, of which nothing need be there, with
// a PixelDataStep. It returns the transfer syntax. limit bounds what a deflated data set inflates to,
// in bytes.
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

// inflateAll is the data set of a deflated one; of a file that may be cut, as far
// as it goes.
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

// VisitItems reads the items of a sequence whose VR is not written or UN, as they
// stand in its value (PS3.5 6.2.2), and calls each for what is in them: the steps
// between the beginning and the end of the sequence.
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
				return nil // of the sequence itself
			}
		}
		return each(s)
	}
	return k.run(nil)
}

// visitValue gives a value to the visitor.
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

// visitOpen tells the visitor that a level begins.
func (k *walker) visitOpen(in level) error {
	kinds := map[levelKind]StepKind{sequence: SequenceStep, item: ItemStep, fragments: FragmentsStep}
	return k.visit(Step{Kind: kinds[in.kind], Tag: in.since.tag, VR: in.since.vr, Repeated: in.since.repeated})
}
