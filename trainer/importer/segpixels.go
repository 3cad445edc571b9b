package importer

import (
	"fmt"
	"strconv"

	"dicomnode/segment/decode"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// maxFrames bounds Number of Frames (0028,0008).
const maxFrames = 1 << 16

// readPixels reads the Image Pixel module of a BINARY segmentation (PS3.3 C.8.20.2)
// and returns the number of frames. Unlike seg.ReadMasks, which reads what this
// node writes, it takes what other programs make of it: other lengths of
// sequences, implicit VR.
func (s *segmentation) readPixels(a attributes) (frames int, err error) {
	if a.text(tag.SegmentationType) != "BINARY" {
		return 0, fmt.Errorf("%w: want a BINARY segmentation", decode.ErrUnsupported)
	}
	frames, err = strconv.Atoi(a.text(tag.NumberOfFrames))
	s.rows, s.cols = a.number(tag.Rows), a.number(tag.Columns)
	if err != nil || frames < 1 || frames > maxFrames || s.rows < 1 || s.cols < 1 || s.rows > 65535 || s.cols > 65535 || a.number(tag.BitsAllocated) != 1 {
		return 0, fmt.Errorf("%w: frames, rows, columns or bits allocated", decode.ErrMalformed)
	}
	pixels, _ := a.value(tag.PixelData).(dicom.PixelDataInfo)
	s.packed = pixels.UnprocessedValueData
	if bits := int64(frames) * int64(s.rows) * int64(s.cols); bits > 8*int64(len(s.packed)) {
		return 0, fmt.Errorf("%w: %d bytes of pixel data for %d frames of %d×%d", decode.ErrMalformed, len(s.packed), frames, s.rows, s.cols)
	}
	return frames, nil
}

// set reports whether pixel k of a frame is in its segment. PS3.5 8.1.1: the first
// pixel is the least significant bit, and frames follow each other without gaps.
func (s *segmentation) set(frame, k int) bool {
	bit := frame*s.rows*s.cols + k
	return s.packed[bit>>3]>>(bit&7)&1 == 1
}
