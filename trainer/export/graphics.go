package export

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"dicomnode/trainer/deidentify"
)

// graphics returns the overlays that the set could contain.
func (e *run) graphics(res *deidentify.Result) []deidentify.Overlay {
	if !e.wants(DICOM) {
		return nil
	}
	return res.Graphics
}

// digest returns a hash of overlays, "" if there are none.
func digest(all []deidentify.Overlay) string {
	if len(all) == 0 {
		return ""
	}
	sum := sha256.New()
	for _, o := range all {
		fmt.Fprintln(sum, o.Rows, o.Columns, o.Top, o.Left, len(o.Bits))
		_, _ = sum.Write(o.Bits) // never fails (hash.Hash)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// decideGraphics keeps overlays that a person has reviewed and approved (PS3.15 E.3.3). All
// others are removed. It returns the entry for the record.
func (e *run) decideGraphics(p *picture, res *deidentify.Result, approved bool) string {
	switch {
	case len(p.graphics) == 0:
		return ""
	case !approved:
		return "removed"
	}
	e.deidentifier.KeepGraphics(res)
	return "kept"
}

// drawn reports whether an overlay has graphics in a square of pixels.
func drawn(all []deidentify.Overlay, left, top, side int) bool {
	for _, o := range all {
		for y := top; y < top+side; y++ {
			for x := left; x < left+side; x++ {
				if o.At(x, y) {
					return true
				}
			}
		}
	}
	return false
}
