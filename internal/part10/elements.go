package part10

import "iter"

// Element is a data element in memory.
type Element struct {
	Tag    Tag
	VR     string // "" in implicit VR
	Value  []byte // shares the memory of the data
	Offset int    // of the element, bytes from the start of the data
}

// Elements iterates over the top-level data elements of data, such as a command set (PS3.7
// 6.3.1) or an object with defined lengths. It does not look into values. For a value of
// undefined length or beyond the end it yields a *SyntaxError and stops.
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
