package model

import _ "embed"

//go:embed embedded/xnet.onnx
var embedded []byte

//go:embed embedded/field.onnx
var embeddedField []byte

// Embedded is the bundle that the program carries in itself. Its card says what
// it is and whether it was trained.
func Embedded() (*Bundle, error) { return ParseBundle(embedded) }

// EmbeddedField is the bundle of target Field that the program carries in itself.
func EmbeddedField() (*Bundle, error) { return ParseBundle(embeddedField) }
