package model

import _ "embed"

//go:embed embedded/xnet.onnx
var embedded []byte

//go:embed embedded/field.onnx
var embeddedField []byte

//go:embed embedded/trunk.onnx
var embeddedTrunk []byte

// Embedded is the bundle in the program. Its card says whether it was trained.
func Embedded() (*Bundle, error) { return ParseBundle(embedded) }

// EmbeddedField is the bundle of target Field in the program.
func EmbeddedField() (*Bundle, error) { return ParseBundle(embeddedField) }

// EmbeddedTrunk is the bundle for images of trunk and head in the program.
func EmbeddedTrunk() (*Bundle, error) { return ParseBundle(embeddedTrunk) }
