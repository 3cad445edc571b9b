package picture

import "dicomnode/internal/raster"

// The classes of the network, in the order of its output channels. They are untyped, because
// labels are bytes and channels are indices.
const (
	OpenBeam   = 0
	SoftTissue = 1
	Bone       = 2

	// Classes is the number of classes.
	Classes = 3
	// Ignore marks a pixel that belongs to no class: unexposed border or padding.
	Ignore = 255
)

// Mask marks pixels of an image, Rows×Columns, row by row.
type Mask []bool

// Count returns the number of marked pixels.
func (m Mask) Count() int { return raster.Count(m) }
