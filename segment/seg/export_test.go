package seg

import "dicomnode/segment/picture"

// UnpackMask is the frame-th mask of an object whose frames are rows of pixels.
func UnpackMask(packed []byte, frame, pixels int) picture.Mask {
	o := Object{Rows: 1, Columns: pixels, Frames: make([]int, frame+1), packed: packed}
	return o.Masks()[frame]
}
