package importer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
	"dicomnode/trainer/dataset"
)

// segmentation is a DICOM Segmentation (PS3.3 A.51) as far as labels need it.
type segmentation struct {
	rows, cols int
	sources    []string // SOP Instance UIDs it was made from, each once
	segments   map[int]described
	frames     []int // Referenced Segment Number of each frame
	packed     []byte
}

// described is an item of the Segment Sequence (PS3.3 C.8.20.2).
type described struct {
	number           int
	label            string
	kind             iod.Code // Segmented Property Type
	algorithm, model string   // Segment Algorithm Type and Name
}

// maxSegmentation is the size of the largest file read, bytes.
const maxSegmentation = 32 << 20

// syntaxes are the transfer syntaxes (PS3.5 A.1, A.2) that are read.
var syntaxes = []string{uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian}

// errSyntax is a segmentation in another transfer syntax.
var errSyntax = errors.New("want Implicit or Explicit VR Little Endian")

// readSegmentation reads a file. The bytes are from outside: the structure is
// walked by part10.Scan before the parser sees it.
func readSegmentation(path string) (s *segmentation, err error) {
	defer func() { // the parser trusts its input in places
		if recover() != nil {
			s, err = nil, fmt.Errorf("%w: the parser panicked", decode.ErrMalformed)
		}
	}()
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSegmentation {
		return nil, fmt.Errorf("%w: file of %d bytes", decode.ErrUnsupported, info.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	h, err := part10.ReadHeader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if !slices.Contains(syntaxes, h.TransferSyntaxUID) {
		return nil, errSyntax
	}
	if _, err := part10.Scan(bytes.NewReader(b[h.DatasetOffset:]), h.TransferSyntaxUID); err != nil {
		return nil, err
	}
	ds, err := dicom.Parse(bytes.NewReader(b), int64(len(b)), nil, dicom.SkipProcessingPixelDataValue(), dicom.AllowUnknownSpecificCharacterSet())
	if err != nil { // the parser's words may quote values
		return nil, fmt.Errorf("%w: value and value representation do not agree", decode.ErrMalformed)
	}
	s = &segmentation{}
	a := attributes(ds.Elements)
	frames, err := s.readPixels(a)
	if err != nil {
		return nil, err
	}
	return s, s.describe(a, frames)
}

// describe reads what the frames mean and which image they belong to.
func (s *segmentation) describe(a attributes, frames int) error {
	s.segments = map[int]described{}
	for _, it := range a.items(tag.SegmentSequence) {
		d := described{number: it.number(tag.SegmentNumber), label: it.text(tag.SegmentLabel),
			algorithm: it.text(tag.SegmentAlgorithmType), model: it.text(tag.SegmentAlgorithmName)}
		for _, c := range it.items(tag.SegmentedPropertyTypeCodeSequence) {
			d.kind = iod.Code{Value: c.text(tag.CodeValue), Scheme: c.text(tag.CodingSchemeDesignator), Meaning: c.text(tag.CodeMeaning)}
		}
		s.segments[d.number] = d
	}
	for _, series := range a.items(tag.ReferencedSeriesSequence) { // PS3.3 C.12.2
		s.source(series.items(tag.ReferencedInstanceSequence))
	}
	s.source(a.items(tag.SourceImageSequence))
	return s.readFrames(a, frames)
}

func (s *segmentation) source(references []attributes) {
	for _, r := range references {
		if uid := r.text(tag.ReferencedSOPInstanceUID); uid != "" && !slices.Contains(s.sources, uid) {
			s.sources = append(s.sources, uid)
		}
	}
}

// readFrames finds the segment of each frame (PS3.3 C.8.20.3.1, Segment
// Identification), which may be shared by all, and its source image (C.7.6.16.2.6).
func (s *segmentation) readFrames(a attributes, frames int) error {
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
				s.source(d.items(tag.SourceImageSequence))
			}
		}
		if _, ok := s.segments[number]; !ok {
			return fmt.Errorf("%w: frame %d belongs to no segment", decode.ErrMalformed, i+1)
		}
		s.frames = append(s.frames, number)
	}
	return nil
}

func identified(group attributes) (number int) {
	for _, id := range group.items(tag.SegmentIdentificationSequence) {
		number = id.number(tag.ReferencedSegmentNumber)
	}
	return number
}

// codes are the classes of Segmented Property Types (CID 7166, CID 7151) that this
// node writes. No concept means the open beam; Background is the nearest.
var codes = map[iod.Code]uint8{
	{Value: iod.Bone.Value, Scheme: iod.Bone.Scheme}:             dataset.Bone,
	{Value: iod.SoftTissue.Value, Scheme: iod.SoftTissue.Scheme}: dataset.SoftTissue,
	{Value: iod.Background.Value, Scheme: iod.Background.Scheme}: dataset.OpenBeam,
}

// words are the classes of words in Segment Labels, where the code says nothing.
// Metal counts as bone, as in the paper.
var words = []struct {
	word  string
	class uint8
}{
	{"open beam", dataset.OpenBeam}, {"background", dataset.OpenBeam}, {"soft tissue", dataset.SoftTissue},
	{"bone", dataset.Bone}, {"metal", dataset.Bone}, {"implant", dataset.Bone},
}

// classOf finds the class of a segment: as told, by its code, by its label.
func classOf(d described, told map[string]uint8) (class uint8, known bool) {
	for _, name := range []string{d.label, strconv.Itoa(d.number)} {
		if class, known = told[name]; known {
			return class, true
		}
	}
	if class, known = codes[iod.Code{Value: d.kind.Value, Scheme: d.kind.Scheme}]; known {
		return class, true
	}
	label := strings.ToLower(d.label)
	for _, w := range words {
		if strings.Contains(label, w.word) {
			return w.class, true
		}
	}
	return 0, false
}

// label paints the segments: bone over soft tissue over open beam, what is to be
// ignored over all; rest is what no segment covers. overlaps counts pixels of two
// classes.
func (s *segmentation) label(told map[string]uint8, rest uint8) (label []uint8, overlaps int, unknown []described) {
	const none = 254
	label = bytes.Repeat([]byte{none}, s.rows*s.cols)
	for _, number := range slices.Compact(slices.Sorted(slices.Values(s.frames))) {
		if _, ok := classOf(s.segments[number], told); !ok {
			unknown = append(unknown, s.segments[number])
		}
	}
	for _, class := range []uint8{dataset.OpenBeam, dataset.SoftTissue, dataset.Bone, dataset.Ignore} {
		for i, number := range s.frames {
			if c, ok := classOf(s.segments[number], told); !ok || c != class {
				continue
			}
			for k := range label {
				if !s.set(i, k) || label[k] == class {
					continue
				}
				if label[k] != none {
					overlaps++
				}
				label[k] = class
			}
		}
	}
	for k, v := range label {
		if v == none {
			label[k] = rest
		}
	}
	return label, overlaps, unknown
}

// automatic names the program that made the segments, "" when people did.
func (s *segmentation) automatic() string {
	for _, number := range s.frames {
		if d := s.segments[number]; d.algorithm == "AUTOMATIC" {
			return d.model
		}
	}
	return ""
}
