package model

import _ "embed"

//go:embed embedded/xnet.onnx
var embedded []byte

// Embedded is the bundle that the program carries in itself. Its card says what
// it is and whether it was trained.
func Embedded() (*Bundle, error) { return ParseBundle(embedded) }
