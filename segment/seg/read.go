package seg

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

// Object is a BINARY Segmentation (PS3.3 A.51) that was read, of whatever program.
type Object struct {
	Rows, Columns int
	Sources       []string        // SOP Instance UIDs of the images it was made from, each once
	Segments      map[int]Segment // by Segment Number
	Frames        []int           // Segment Number of each frame

	packed []byte
}

// Segment is an item of the Segment Sequence (PS3.3 C.8.20.2).
type Segment struct {
	Number           int
	Label            string
	Kind             iod.Code // Segmented Property Type
	Algorithm, Model string   // Segment Algorithm Type and Name
}

// ErrSyntax is a segmentation in a transfer syntax that is not read.
var ErrSyntax = errors.New("want Implicit or Explicit VR Little Endian")

// syntaxes are the transfer syntaxes (PS3.5 A.1, A.2) that are read.
var syntaxes = []string{uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian}

// maxFrames bounds Number of Frames (0028,0008).
const maxFrames = 1 << 16

// Read reads a segmentation: a Part 10 file, or a data set without preamble and file meta
// information in Explicit VR Little Endian. The error wraps [decode.ErrUnsupported],
// [decode.ErrMalformed] or [ErrSyntax], or is one of the structure. The bytes are from
// outside: package part10 walks what holds them before the parser, which trusts its input
// in places, sees the elements before Pixel Data.
func Read(b []byte) (o *Object, err error) {
	defer func() {
		if recover() != nil {
			o, err = nil, fmt.Errorf("read segmentation: %w: the parser panicked", decode.ErrMalformed)
		}
	}()
	if o, err = read(b); err != nil {
		return nil, fmt.Errorf("read segmentation: %w", err)
	}
	return o, nil
}

func read(b []byte) (*Object, error) {
	if b = asFile(b); b == nil {
		return nil, fmt.Errorf("%w: no data set", decode.ErrMalformed)
	}
	file, err := part10.Read(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", decode.ErrMalformed, err)
	}
	if !slices.Contains(syntaxes, file.TransferSyntaxUID) {
		return nil, ErrSyntax
	}
	ds, err := decode.Parse(file)
	if err != nil {
		return nil, err
	}
	o, a := &Object{}, attributes(ds.Elements)
	if o.packed, err = file.Native(file.Pixels.Length); err != nil {
		return nil, fmt.Errorf("%w: %w", decode.ErrMalformed, err)
	}
	frames, err := o.readPixels(a)
	if err != nil {
		return nil, err
	}
	o.describe(a)
	return o, o.readFrames(a, frames)
}

// asFile puts file meta information before a data set that has none; nil of what is too
// short for either.
func asFile(b []byte) []byte {
	if len(b) >= 132 && string(b[128:132]) == "DICM" {
		return b
	}
	var file bytes.Buffer
	meta := part10.Meta{SOPClassUID: SOPClassUID, SOPInstanceUID: "2.25.0", TransferSyntaxUID: uid.ExplicitVRLittleEndian}
	if len(b) < 8 || part10.WriteMeta(&file, meta) != nil {
		return nil
	}
	return append(file.Bytes(), b...)
}

// readPixels reads the Image Pixel module of a BINARY segmentation (PS3.3 C.8.20.2) and
// returns the number of frames.
func (o *Object) readPixels(a attributes) (frames int, err error) {
	if class, kind := a.text(tag.SOPClassUID), a.text(tag.SegmentationType); class != SOPClassUID || kind != "BINARY" {
		return 0, fmt.Errorf("%w: want a BINARY segmentation", decode.ErrUnsupported)
	}
	frames, err = strconv.Atoi(a.text(tag.NumberOfFrames))
	o.Rows, o.Columns = a.number(tag.Rows), a.number(tag.Columns)
	if err != nil || frames < 1 || frames > maxFrames || o.Rows < 1 || o.Columns < 1 || o.Rows > 65535 || o.Columns > 65535 || a.number(tag.BitsAllocated) != 1 {
		return 0, fmt.Errorf("%w: frames, rows, columns or bits allocated", decode.ErrMalformed)
	}
	if bits := int64(frames) * int64(o.Rows) * int64(o.Columns); bits > 8*int64(len(o.packed)) {
		return 0, fmt.Errorf("%w: %d bytes of pixel data for %d frames of %d×%d", decode.ErrMalformed, len(o.packed), frames, o.Rows, o.Columns)
	}
	return frames, nil
}

// Set reports whether pixel k of a frame is in its segment. PS3.5 8.1.1: the first pixel
// is the least significant bit, and frames follow each other without gaps.
func (o *Object) Set(frame, k int) bool {
	bit := frame*o.Rows*o.Columns + k
	return o.packed[bit>>3]>>(bit&7)&1 == 1
}

// Masks are the frames, Rows×Columns pixels each: eight times the memory of the packed
// ones.
func (o *Object) Masks() []picture.Mask {
	masks := make([]picture.Mask, len(o.Frames))
	for i := range masks {
		masks[i] = make(picture.Mask, o.Rows*o.Columns)
		for k := range masks[i] {
			masks[i][k] = o.Set(i, k)
		}
	}
	return masks
}

// ReadMasks reads the frames of a segmentation alone; see [Read].
func ReadMasks(b []byte) (masks []picture.Mask, rows, cols int, err error) {
	o, err := Read(b)
	if err != nil {
		return nil, 0, 0, err
	}
	return o.Masks(), o.Rows, o.Columns, nil
}

// describe reads what the frames mean and which images they belong to.
func (o *Object) describe(a attributes) {
	o.Segments = map[int]Segment{}
	for _, it := range a.items(tag.SegmentSequence) {
		s := Segment{Number: it.number(tag.SegmentNumber), Label: it.text(tag.SegmentLabel),
			Algorithm: it.text(tag.SegmentAlgorithmType), Model: it.text(tag.SegmentAlgorithmName)}
		for _, c := range it.items(tag.SegmentedPropertyTypeCodeSequence) {
			s.Kind = iod.Code{Value: c.text(tag.CodeValue), Scheme: c.text(tag.CodingSchemeDesignator), Meaning: c.text(tag.CodeMeaning)}
		}
		o.Segments[s.Number] = s
	}
	for _, series := range a.items(tag.ReferencedSeriesSequence) { // PS3.3 C.12.2
		o.source(series.items(tag.ReferencedInstanceSequence))
	}
	o.source(a.items(tag.SourceImageSequence))
}

func (o *Object) source(references []attributes) {
	for _, r := range references {
		if uid := r.text(tag.ReferencedSOPInstanceUID); uid != "" && !slices.Contains(o.Sources, uid) {
			o.Sources = append(o.Sources, uid)
		}
	}
}

// readFrames finds the segment of each frame (PS3.3 C.8.20.3.1, Segment
// Identification), which may be shared by all, and its source image (C.7.6.16.2.6).
func (o *Object) readFrames(a attributes, frames int) error {
	shared := 0
	for _, g := range a.items(tag.SharedFunctionalGroupsSequence) {
		shared = max(shared, identified(g))
	}
	groups := a.items(tag.PerFrameFunctionalGroupsSequence)
	for i := range frames {
		number := shared
		if i < len(groups) {
			number = max(number, identified(groups[i]))
			for _, d := range groups[i].items(tag.DerivationImageSequence) {
				o.source(d.items(tag.SourceImageSequence))
			}
		}
		if _, ok := o.Segments[number]; !ok {
			return fmt.Errorf("%w: frame %d belongs to no segment", decode.ErrMalformed, i+1)
		}
		o.Frames = append(o.Frames, number)
	}
	return nil
}

func identified(group attributes) (number int) {
	for _, id := range group.items(tag.SegmentIdentificationSequence) {
		number = id.number(tag.ReferencedSegmentNumber)
	}
	return number
}
