package picture

// Class is a region the network tells apart, and its channel in Predictor's answer.
type Class uint8

// The classes, in the order of the network's output channels.
const (
	OpenBeam   Class = 0
	SoftTissue Class = 1
	Bone       Class = 2

	// Classes is their number.
	Classes = 3
	// Ignore marks a pixel that belongs to no class: unexposed border or padding.
	Ignore Class = 255
)

// Mask marks pixels of an image, Rows×Columns row by row.
type Mask []bool

// Count is the number of marked pixels.
func (m Mask) Count() int {
	n := 0
	for _, v := range m {
		if v {
			n++
		}
	}
	return n
}
