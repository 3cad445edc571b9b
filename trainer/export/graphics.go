package export

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"dicomnode/trainer/deidentify"
)

// graphics are the overlays that the set would hold.
func (e *run) graphics(res *deidentify.Result) []deidentify.Overlay {
	if !e.wants(DICOM) {
		return nil
	}
	return res.Graphics
}

// digest tells overlays apart, "" for none.
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

// decideGraphics keeps the overlays that somebody has seen and kept (PS3.15 E.3.3); all
// others stay out. It returns what the record says.
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

// drawn tells whether an overlay has graphics in a square of pixels.
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
