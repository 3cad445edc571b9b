package seg

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

// ReadMasks reads the frames of a BINARY segmentation as [WriteSEG] writes them:
// Explicit VR Little Endian with defined lengths, with or without preamble and
// file meta information. It returns one mask of rows×cols pixels per frame, and
// an error wrapping [ErrUnsupported] or [ErrMalformed] for anything else. The
// masks take eight times the memory of the pixel data, never more.
func ReadMasks(b []byte) (masks []picture.Mask, rows, cols int, err error) {
	if len(b) >= 132 && string(b[128:132]) == "DICM" {
		b = b[132:]
	}
	values, err := topLevel(b)
	if err != nil {
		return nil, 0, 0, err
	}
	if class, kind := text(values[tag.SOPClassUID]), text(values[tag.SegmentationType]); class != SOPClassUID || kind != "BINARY" {
		return nil, 0, 0, fmt.Errorf("read masks: %w: want a BINARY segmentation", decode.ErrUnsupported)
	}
	frames, err := strconv.Atoi(strings.TrimSpace(text(values[tag.NumberOfFrames])))
	rows, cols = unsigned(values[tag.Rows]), unsigned(values[tag.Columns])
	if err != nil || frames < 1 || rows < 1 || cols < 1 || unsigned(values[tag.BitsAllocated]) != 1 {
		return nil, 0, 0, fmt.Errorf("read masks: %w: frames, rows, columns or bits allocated", decode.ErrMalformed)
	}
	packed := values[tag.PixelData]
	if frames > len(packed)*8 || int64(len(packed)) != packedSize(frames, rows*cols) {
		return nil, 0, 0, fmt.Errorf("read masks: %w: %d bytes of pixel data for %d frames of %d×%d", decode.ErrMalformed, len(packed), frames, rows, cols)
	}
	masks = make([]picture.Mask, frames)
	for i := range masks {
		masks[i] = unpackMask(packed, i, rows*cols)
	}
	return masks, rows, cols, nil
}

// topLevel returns the values of all attributes outside sequences (PS3.5 7.1.2).
// They share memory with b.
func topLevel(b []byte) (map[tag.Tag][]byte, error) {
	values := map[tag.Tag][]byte{}
	for len(b) > 0 {
		if len(b) < 8 {
			return nil, fmt.Errorf("read masks: %w: attribute cut off", decode.ErrMalformed)
		}
		t := tag.Tag{Group: binary.LittleEndian.Uint16(b), Element: binary.LittleEndian.Uint16(b[2:])}
		length, header := uint64(binary.LittleEndian.Uint16(b[6:])), uint64(8)
		if iod.LongForm(string(b[4:6])) {
			if len(b) < 12 {
				return nil, fmt.Errorf("read masks: %w: %s cut off", decode.ErrMalformed, t)
			}
			length, header = uint64(binary.LittleEndian.Uint32(b[8:])), 12
		}
		if uint64(len(b)) < header+length {
			return nil, fmt.Errorf("read masks: %w: %s has %d bytes of %d", decode.ErrMalformed, t, uint64(len(b))-header, length)
		}
		values[t] = b[header : header+length]
		b = b[header+length:]
	}
	return values, nil
}

func text(b []byte) string { return strings.TrimRight(string(b), " \x00") }

func unsigned(b []byte) int {
	if len(b) != 2 {
		return 0
	}
	return int(binary.LittleEndian.Uint16(b))
}
