package iod

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"
)

// DataSet is a set of attributes to be written, kept in tag order (PS3.5 7.1).
// Every setter replaces an attribute of the same tag, takes the value
// representation from the data dictionary (PS3.6), and checks the values. The
// first violation is kept and returned by [DataSet.Err] and [DataSet.Encode],
// so that a module can be filled without a branch after every attribute.
// The zero value is an empty data set.
type DataSet struct {
	elements []element
	err      error
	raw      bool // text that is set stands in another character set than UTF-8
	foreign  bool // so does copied text; ours is to be ASCII
}

// element is one attribute: a value already encoded and of even length, or the
// items of a sequence, or bulk data that is written when the set is encoded.
type element struct {
	tag    tag.Tag
	vr     string
	value  []byte
	items  []*DataSet
	length uint32 // of bulk
	bulk   func(io.Writer) error
	raw    bool // of another character set than UTF-8
}

// AttributeError names the attribute that made a data set invalid. It never
// contains the value, which may identify a patient.
type AttributeError struct {
	Tag     tag.Tag
	Keyword string
	Err     error
}

// Error returns the tag, the keyword and the reason.
func (e *AttributeError) Error() string {
	return fmt.Sprintf("%s %s: %v", e.Tag, e.Keyword, e.Err)
}

// Unwrap returns the reason.
func (e *AttributeError) Unwrap() error { return e.Err }

// Err returns the first violation in d or in an item of its sequences, a
// *[AttributeError], or nil.
func (d *DataSet) Err() error { return d.err }

// Has reports whether d has an attribute t, perhaps without a value.
func (d *DataSet) Has(t tag.Tag) bool {
	_, found := d.find(t)
	return found
}

// Strings sets an attribute of any character value representation, IS and DS
// included. No values make it zero-length (Type 2, PS3.5 7.4.3).
func (d *DataSet) Strings(t tag.Tag, values ...string) {
	d.text(t, values, false)
}

// Ints sets an attribute with VR IS, US, UL, SS or SL.
func (d *DataSet) Ints(t tag.Tag, values ...int) { d.ints(t, "", values) }

// ints is Ints for an attribute that may have several VRs, such as US or SS: it
// gets vr where the data dictionary lists that.
func (d *DataSet) ints(t tag.Tag, vr string, values []int) {
	info, err := lookUp(t)
	if err != nil {
		d.fail(t, err)
		return
	}
	if !slices.Contains(info.VRs, vr) {
		vr = info.VRs[0]
	}
	if vr != "IS" {
		value, err := encodeInts(vr, values)
		d.set(element{tag: t, vr: vr, value: value}, err, checkVM(info.VM, len(values)))
		return
	}
	text := make([]string, len(values))
	for i, v := range values {
		text[i] = strconv.Itoa(v)
	}
	d.Strings(t, text...)
}

// Decimals sets an attribute with VR DS, FL or FD. A DS keeps as many digits as
// its 16 characters hold.
func (d *DataSet) Decimals(t tag.Tag, values ...float64) {
	info, err := lookUp(t)
	if err != nil {
		d.fail(t, err)
		return
	}
	if vr := info.VRs[0]; vr != "DS" {
		value, err := encodeFloats(vr, values)
		d.set(element{tag: t, vr: vr, value: value}, err, checkVM(info.VM, len(values)))
		return
	}
	text := make([]string, len(values))
	for i, v := range values {
		text[i] = formatDS(v)
	}
	d.Strings(t, text...)
}

// bytes sets an attribute with VR OB or OW, which the data dictionary must list
// for it, to a value in little endian order.
func (d *DataSet) bytes(t tag.Tag, vr string, value []byte) {
	info, err := lookUp(t)
	if err == nil && !slices.Contains(info.VRs, vr) {
		err = fmt.Errorf("encode bytes as %s", vr)
	}
	if len(value)%2 != 0 { // PS3.5 7.1.1
		value = append(slices.Clone(value), 0)
	}
	d.set(element{tag: t, vr: vr, value: value}, err)
}

// Tags sets an attribute with VR AT.
func (d *DataSet) Tags(t tag.Tag, values ...tag.Tag) {
	info, err := lookUp(t)
	if err == nil && info.VRs[0] != "AT" {
		err = fmt.Errorf("encode tags as %s", info.VRs[0])
	}
	var value []byte
	for _, v := range values {
		value = binary.LittleEndian.AppendUint16(value, v.Group)
		value = binary.LittleEndian.AppendUint16(value, v.Element)
	}
	d.set(element{tag: t, vr: "AT", value: value}, err)
}

// Sequence sets an attribute with VR SQ; none is an empty sequence. The items
// must not be changed afterwards.
func (d *DataSet) Sequence(t tag.Tag, items ...*DataSet) {
	info, err := lookUp(t)
	if err == nil && info.VRs[0] != "SQ" {
		err = fmt.Errorf("encode items as %s", info.VRs[0])
	}
	d.set(element{tag: t, vr: "SQ", items: items}, err)
	for _, item := range items {
		if item.err != nil && d.err == nil {
			d.err = fmt.Errorf("%s item: %w", info.Keyword, item.err)
		}
	}
}

// Bulk sets an attribute with VR OB whose length bytes are produced by write
// while the data set is encoded. length must be even (PS3.5 7.1.1) and exactly
// what write writes; Encode fails otherwise.
func (d *DataSet) Bulk(t tag.Tag, length int64, write func(io.Writer) error) {
	var err error
	if length < 0 || length >= math.MaxUint32 || length%2 != 0 {
		err = fmt.Errorf("write %d bytes: want an even length below 4 GiB", length)
	}
	d.set(element{tag: t, vr: "OB", length: uint32(length), bulk: write}, err)
}

// text checks and encodes character values; lenient ones need only be
// encodable.
func (d *DataSet) text(t tag.Tag, values []string, lenient bool) {
	info, err := lookUp(t)
	if err != nil {
		d.fail(t, err)
		return
	}
	vr := info.VRs[0]
	value, err := encodeText(vr, values, lenient, d.raw)
	if !lenient && err == nil {
		err = checkVM(info.VM, len(values))
	}
	d.set(element{tag: t, vr: vr, value: value, raw: d.raw}, err)
}

// set puts e in its place unless one of errs is not nil.
func (d *DataSet) set(e element, errs ...error) {
	for _, err := range errs {
		if err != nil {
			d.fail(e.tag, err)
			return
		}
	}
	i, found := d.find(e.tag)
	if found {
		d.elements[i] = e
		return
	}
	d.elements = slices.Insert(d.elements, i, e)
}

func (d *DataSet) find(t tag.Tag) (int, bool) {
	return slices.BinarySearchFunc(d.elements, t, func(e element, t tag.Tag) int { return e.tag.Compare(t) })
}

// fail keeps the first violation.
func (d *DataSet) fail(t tag.Tag, err error) {
	if d.err != nil {
		return
	}
	keyword := "unknown attribute"
	if info, err := tag.Find(t); err == nil {
		keyword = info.Keyword
	}
	d.err = &AttributeError{Tag: t, Keyword: keyword, Err: err}
}

// lookUp finds t in the data dictionary, which lists at least one VR for it. The
// groups of overlays repeat (PS3.5 7.6).
func lookUp(t tag.Tag) (tag.Info, error) {
	if t.Group >= 0x6000 && t.Group <= 0x601e && t.Group%2 == 0 {
		t.Group = 0x6000
	}
	info, err := tag.Find(t)
	if err != nil || len(info.VRs) == 0 {
		return tag.Info{}, fmt.Errorf("find in the data dictionary: no such attribute")
	}
	return info, nil
}

// checkVM compares a number of values with a value multiplicity of PS3.6, "2",
// "1-3", "1-n" or "2-2n". No value is always allowed here: whether an attribute
// may be empty is a matter of its type, not of its multiplicity.
func checkVM(vm string, n int) error {
	low, high, ranged := strings.Cut(vm, "-")
	least, err := strconv.Atoi(low)
	if n == 0 || err != nil {
		return nil
	}
	most, step := least, 1
	if ranged {
		most = math.MaxInt
		if multiple, open := strings.CutSuffix(high, "n"); open {
			step = max(1, atoiOr(multiple, 1))
		} else {
			most = atoiOr(high, math.MaxInt)
		}
	}
	if n < least || n > most || n%step != 0 {
		return fmt.Errorf("set %d values: want %s", n, vm)
	}
	return nil
}

func atoiOr(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return otherwise
}

// Required is [DataSet.Strings] for Type 1 attributes: at least one value, and
// the first of them not empty (PS3.5 7.4.1).
func (d *DataSet) Required(t tag.Tag, values ...string) {
	if len(values) == 0 || strings.TrimSpace(values[0]) == "" {
		d.fail(t, errRequired)
		return
	}
	d.Strings(t, values...)
}

// Optional is [DataSet.Strings] for Type 3 attributes: without a value the
// attribute is left out.
func (d *DataSet) Optional(t tag.Tag, values ...string) {
	if len(values) > 0 && values[0] != "" {
		d.Strings(t, values...)
	}
}

var errRequired = errors.New("set value: required and empty")

// Remove takes the attribute away; it is no error when d has none. A violation
// stays one.
func (d *DataSet) Remove(t tag.Tag) {
	if i, found := d.find(t); found {
		d.elements = slices.Delete(d.elements, i, i+1)
	}
}
