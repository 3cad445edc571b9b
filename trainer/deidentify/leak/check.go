package leak

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"io"
	"maps"
	"path/filepath"
	"strings"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/trainer/deidentify/object"
)

// Checker searches for values of originals. It may be used concurrently.
type Checker struct {
	byPrefix map[uint32][]pattern
	first    []uint64 // a bit for each hash of a prefix
	grams    grams    // of the patterns that count in pixels
	compared map[part10.Tag]map[string]bool
	own      map[string]bool
}

type pattern struct {
	bytes, attribute string
	weight           int // its length in UTF-8: an encoding with two bytes per letter does not make it longer
	uniform          bool
}

// Checker returns a checker of all values added so far.
func (o *Originals) Checker() *Checker {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := &Checker{byPrefix: make(map[uint32][]pattern, len(o.patterns)), first: make([]uint64, 1<<16), compared: o.compared, own: o.own}
	for p, about := range o.patterns {
		k := binary.LittleEndian.Uint32([]byte(p))
		c.byPrefix[k] = append(c.byPrefix[k], pattern{p, about.attribute, about.weight, about.uniform})
		c.first[slot(k)>>6] |= 1 << (slot(k) & 63)
	}
	c.grams = gramsOf(c.byPrefix)
	return c
}

// WithOwn returns a copy of c that also ignores the given tokens, which the export has made for
// one file, such as its shifted dates. In another file they may be values of an original.
func (c *Checker) WithOwn(tokens ...string) *Checker {
	out := *c
	out.own = maps.Clone(c.own)
	if out.own == nil {
		out.own = map[string]bool{}
	}
	for _, t := range tokens {
		out.own[t] = true
	}
	return &out
}

func slot(k uint32) uint32 { return k * 2654435761 >> 10 }

const (
	inText   = 4 // shortest hits that count, in bytes
	inPixels = 8
)

// File checks the name and the whole content of a file.
func (c *Checker) File(name string, b []byte) []Hit {
	var hits []Hit
	seen := map[string]bool{}
	report := func(offset int64, attribute, how string) {
		if !seen[attribute+how] { // only the first hit of each kind is reported
			seen[attribute+how] = true
			hits = append(hits, Hit{name, offset, attribute, how})
		}
	}
	c.search([]byte(filepath.ToSlash(name)), inText, func(_ int64, attribute, _ string) { report(-1, attribute, "in the file's name") })
	switch {
	case len(b) > 132 && string(b[128:132]) == "DICM":
		c.dicom(b, report)
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		c.png(b, report)
	case bytes.HasPrefix(b, []byte("II*\x00")), bytes.HasPrefix(b, []byte("MM\x00*")):
		c.tiff(b, report)
	case bytes.HasPrefix(b, []byte{0x1F, 0x8B}):
		c.search(b, inPixels, report)
		if r, err := gzip.NewReader(bytes.NewReader(b)); err == nil {
			inner, _ := io.ReadAll(io.LimitReader(r, object.MaxFile)) // if damaged, only its compressed bytes are searched
			c.search(inner, inText, report)
		}
	default:
		c.search(b, inText, report)
	}
	return hits
}

// Holds reports whether the value of an attribute contains a value of an original.
func (c *Checker) Holds(value []byte) bool {
	held := false
	c.search(value, inText, func(int64, string, string) { held = true })
	return held
}

// search calls report for each original in b whose length in UTF-8 is at least least.
func (c *Checker) search(b []byte, least int, report func(offset int64, attribute, how string)) {
	if least < inPixels {
		c.scan(b, 0, len(b), least, report)
		return
	}
	done := 0
	for i := 0; c.grams.bits != nil && i+4 <= len(b); i += stride {
		if c.grams.has(binary.LittleEndian.Uint32(b[i:])) {
			c.scan(b, max(done, i-stride+1), i+1, least, report)
			done = i + 1
		}
	}
}

// scan is search for originals that begin in b[from:to].
func (c *Checker) scan(b []byte, from, to, least int, report func(offset int64, attribute, how string)) {
	if from+4 > len(b) {
		return
	}
	k := uint32(fold[b[from]])<<8 | uint32(fold[b[from+1]])<<16 | uint32(fold[b[from+2]])<<24
	for i := from; i < to && i+4 <= len(b); i++ {
		k = k>>8 | uint32(fold[b[i+3]])<<24
		if s := slot(k); c.first[s>>6]>>(s&63)&1 == 0 {
			continue
		}
		for _, p := range c.byPrefix[k] {
			n := len(p.bytes)
			if p.counts(least) && i+n <= len(b) && equalFold(b[i:i+n], p.bytes) && !c.insideOwnToken(b, i, i+n) {
				report(int64(i), p.attribute, "as text")
				break
			}
		}
	}
}

// counts reports whether a hit of p counts if hits need least bytes. In pixels a repeated
// single character, such as "XXXXXXXX" in place of a name, does not count: a flat area of a
// 16-bit picture has the same bytes.
func (p pattern) counts(least int) bool {
	return p.weight >= least && !(p.uniform && least == inPixels)
}

func equalFold(b []byte, lowered string) bool {
	for i, c := range b {
		if fold[c] != lowered[i] {
			return false
		}
	}
	return true
}

// insideOwnToken reports whether b[from:to] is inside a token that the export has made.
func (c *Checker) insideOwnToken(b []byte, from, to int) bool {
	for _, inside := range []func(byte) bool{
		func(x byte) bool { return x >= '0' && x <= '9' || x >= 'a' && x <= 'f' },
		func(x byte) bool { return x >= '0' && x <= '9' || x == '.' },
	} {
		lo, hi := from, to
		for lo > 0 && from-lo < 80 && inside(b[lo-1]) {
			lo--
		}
		for hi < len(b) && hi-to < 80 && inside(b[hi]) {
			hi++
		}
		if c.own[strings.Trim(string(b[lo:hi]), ".")] {
			return true
		}
	}
	return false
}

// dicom searches a Part 10 file, binary values as pixels and everything else as text, and
// compares attributes.
func (c *Checker) dicom(b []byte, report func(int64, string, string)) {
	b = b[:len(b):len(b)]
	o, err := object.Parse(b)
	if err != nil {
		c.search(b, inText, report)
		return
	}
	from, deflatedOrBig := 0, false
	o.Walk(func(s *object.Set, e *object.Element, _ []part10.Tag) {
		for _, bulk := range append(e.Fragments[:len(e.Fragments):len(e.Fragments)], e.Value) {
			if object.Character(e.VR) || len(bulk) < 64 {
				continue
			}
			at := len(b) - cap(bulk)
			if at < from || at+len(bulk) > len(b) || &b[at] != &bulk[0] {
				deflatedOrBig = true // the value is a copy, see below
				continue
			}
			c.search(b[from:at], inText, shifted(report, from))
			c.search(bulk, inPixels, shifted(report, at))
			from = at + len(bulk)
		}
	})
	if !deflatedOrBig && o.TransferSyntaxUID != uid.DeflatedExplicitVRLittleEndian {
		c.search(b[from:], inText, shifted(report, from))
		o.Walk(func(s *object.Set, e *object.Element, _ []part10.Tag) { c.attribute(s, e, report) })
		return
	}
	c.search(b[:min(len(b), 1024)], inText, report)
	var again bytes.Buffer
	o.TransferSyntaxUID = uid.ExplicitVRLittleEndian
	if o.Write(&again) == nil {
		c.dicom(again.Bytes(), report)
	}
}

func shifted(report func(int64, string, string), by int) func(int64, string, string) {
	return func(offset int64, attribute, how string) { report(offset+int64(by), attribute, how) }
}

// attribute compares an attribute with the originals' values that are too short or too common
// to search for.
func (c *Checker) attribute(s *object.Set, e *object.Element, report func(int64, string, string)) {
	values := c.compared[e.Tag]
	if values == nil {
		return
	}
	for _, v := range s.TextOf(e) {
		if values[strings.ToLower(v)] {
			report(0, e.Tag.String(), "the same attribute has a value of an original")
		}
	}
}

// inflate inflates the zlib stream (RFC 1950) in b, whose result has about size bytes.
func inflate(b []byte, size int) []byte {
	at := bytes.IndexByte(b, 0x78)
	if at < 0 || at+2 > len(b) {
		return nil
	}
	var out bytes.Buffer
	out.Grow(size + bytes.MinRead)
	_, _ = out.ReadFrom(io.LimitReader(flate.NewReader(bytes.NewReader(b[at+2:])), object.MaxFile)) // keeps what could be inflated
	return out.Bytes()
}

// tiff searches a TIFF file. It treats the part between header and directory as pixels, the
// layout that this program writes.
func (c *Checker) tiff(b []byte, report func(int64, string, string)) {
	directory := len(b)
	if len(b) >= 8 && b[0] == 'I' {
		directory = min(len(b), int(binary.LittleEndian.Uint32(b[4:])))
	} else if len(b) >= 8 {
		directory = min(len(b), int(binary.BigEndian.Uint32(b[4:])))
	}
	if directory <= 8 {
		c.search(b, inText, report)
		return
	}
	c.search(b[8:directory], inPixels, shifted(report, 8))
	c.search(b[directory:], inText, shifted(report, directory))
}
