package export_test

import (
	"bytes"
	"os"
	"testing"

	"dicomnode/segment/decode"
)

// samples decodes a file, or its bytes.
func samples(t *testing.T, path string, b []byte) []float32 {
	t.Helper()
	if b == nil {
		var err error
		if b, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	m, err := decode.Read(t.Context(), bytes.NewReader(b), int64(len(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m.Samples
}
