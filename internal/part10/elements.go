package part10

import "iter"

// An Element is a data element as it stands in memory.
type Element struct {
	Tag    Tag
	VR     string // "" in implicit VR
	Value  []byte // shares memory with the data
	Offset int    // of the element, bytes from the start of the data
}

// Elements lists the outermost data elements of data, which is what a command
// set (PS3.7 6.3.1) or an object of defined lengths consists of. Values are not
// looked into; one of undefined length or beyond the end is a *SyntaxError,
// after which the listing ends.
func Elements(data []byte, transferSyntaxUID string) iter.Seq2[Element, error] {
	enc := encodingOf(transferSyntaxUID)
	return func(yield func(Element, error) bool) {
		for w := inMemory(data); w.lo < w.hi; {
			el, err := w.next(enc, int64(len(data)))
			value := w.look(int64(el.length))
			if err == nil && len(value) < int(el.length) {
				err = el.fail("want %d bytes, have %d", el.length, len(value))
			}
			if err != nil {
				yield(Element{Tag: el.tag, Offset: int(el.offset)}, err)
				return
			}
			w.lo += len(value)
			if !yield(Element{el.tag, el.vr, value, int(el.offset)}, nil) {
				return
			}
		}
	}
}
