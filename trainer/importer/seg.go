package importer

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"dicomnode/internal/iod"
	"dicomnode/segment/decode"
	"dicomnode/segment/seg"
	"dicomnode/trainer/dataset"
)

// segmentation is a DICOM Segmentation as labels need it.
type segmentation struct{ *seg.Object }

// maxSegmentation is the size of the largest file read, bytes.
const maxSegmentation = 32 << 20

// readSegmentation reads a file.
func readSegmentation(path string) (*segmentation, error) {
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
	o, err := seg.Read(b)
	return &segmentation{o}, err
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

// classOf finds the class of a segment: as given by the caller, by its code, by its label.
func classOf(d seg.Segment, given map[string]uint8) (class uint8, known bool) {
	for _, name := range []string{d.Label, strconv.Itoa(d.Number)} {
		if class, known = given[name]; known {
			return class, true
		}
	}
	if class, known = codes[iod.Code{Value: d.Kind.Value, Scheme: d.Kind.Scheme}]; known {
		return class, true
	}
	label := strings.ToLower(d.Label)
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
func (s *segmentation) label(given map[string]uint8, rest uint8) (label []uint8, overlaps int, unknown []seg.Segment) {
	const none = 254
	label = bytes.Repeat([]byte{none}, s.Rows*s.Columns)
	for _, number := range slices.Compact(slices.Sorted(slices.Values(s.Frames))) {
		if _, ok := classOf(s.Segments[number], given); !ok {
			unknown = append(unknown, s.Segments[number])
		}
	}
	for _, class := range []uint8{dataset.OpenBeam, dataset.SoftTissue, dataset.Bone, dataset.Ignore} {
		for i, number := range s.Frames {
			if c, ok := classOf(s.Segments[number], given); !ok || c != class {
				continue
			}
			for k := range label {
				if !s.Set(i, k) || label[k] == class {
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
	for _, number := range s.Frames {
		if d := s.Segments[number]; d.Algorithm == "AUTOMATIC" {
			return d.Model
		}
	}
	return ""
}
