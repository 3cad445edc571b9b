package seg

// The bit packer, for tests outside the package.
var (
	PackMasks  = packMasks
	UnpackMask = unpackMask
)
