//go:build !cgo

package native

import (
	"errors"

	"dicomnode/internal/codec"
)

// Libraries cannot be opened: this program was built without cgo.
type Libraries struct{}

var _ codec.Decoder = Libraries{}

var errNoCgo = errors.New("this program was built without cgo")

// Load returns an error.
func (Libraries) Load(codec.Family, string) (string, error) { return "", errNoCgo }

// Decode returns an error.
func (Libraries) Decode(codec.Job, []byte) (codec.Result, error) { return codec.Result{}, errNoCgo }
