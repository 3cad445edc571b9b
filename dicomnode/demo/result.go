package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/seg"
	"dicomnode/trainer/simulate"
)

// collect takes what the PACS receives until the node has nothing left to do.
func (d *demo) collect(ctx context.Context, waiting map[string]string) (reports []segmented, err error) {
	done := make(chan error, 1)
	go func() { _, err := d.settled(ctx); done <- err }()
	for {
		select {
		case o := <-d.pacs.objects:
			uid, err := o.source()
			if err != nil {
				return reports, err
			}
			file, ok := waiting[uid]
			if !ok {
				return reports, errors.New("demo: a segmentation of an image that was not sent")
			}
			delete(waiting, uid)
			r, err := d.show(file, o)
			if err != nil {
				return reports, err
			}
			reports = append(reports, r)
		case err := <-done:
			return reports, err
		}
	}
}

// show writes a received segmentation and the picture of its masks on the image.
func (d *demo) show(file string, o receivedObject) (segmented, error) {
	masks, rows, cols, err := seg.ReadMasks(o.dataset)
	if err != nil {
		return segmented{}, err
	}
	if len(masks) != 4 {
		return segmented{}, fmt.Errorf("demo: %d segments, want 4", len(masks))
	}
	img, err := decode.ReadFile(file)
	if err != nil {
		return segmented{}, err
	}
	res := resultOf(masks, rows, cols)
	if view := slices.Index(d.taken, file); view >= 0 {
		if d.accuracy[file], err = accuracyOf(d.detector, view, res.Masks); err != nil {
			return segmented{}, err
		}
	}
	base := filepath.Join(d.out, uniqueName(d.names, file))
	if err := os.WriteFile(base+".seg.dcm", part10File(o), 0o644); err != nil {
		return segmented{}, err
	}
	return maskReport(file, base, res), writeOverlay(base+".png", img, res)
}

// accuracyOf compares masks with what the detector was exposed to: the share of all
// pixels in the right mask.
func accuracyOf(o simulate.DXOptions, view int, m segment.Masks) (float64, error) {
	truth, err := simulate.Truth(simulate.Exposure{Rows: o.Rows, Columns: o.Columns, Seed: o.Seed, View: view})
	if err != nil {
		return 0, err
	}
	right := 0
	for i, class := range truth {
		if [picture.Classes]bool{m.Open[i], m.Soft[i], m.Bone[i]}[class] {
			right++
		}
	}
	return float64(right) / float64(len(truth)), nil
}

// resultOf is what the four masks of a segmentation say.
func resultOf(masks []picture.Mask, rows, cols int) *segment.Result {
	m := segment.Masks{Open: masks[0], Soft: masks[1], Bone: masks[2], HighPrecisionSoft: masks[3]}
	field := make(picture.Mask, rows*cols)
	for i := range field {
		field[i] = m.Open[i] || m.Soft[i] || m.Bone[i]
	}
	return &segment.Result{Rows: rows, Columns: cols, Masks: m, Field: field}
}

// maskReport counts the masks; fractions are of the exposed field, which open
// beam, soft tissue and bone fill.
func maskReport(file, base string, res *segment.Result) segmented {
	m := res.Masks
	open, soft, bone, high := m.Open.Count(), m.Soft.Count(), m.Bone.Count(), m.HighPrecisionSoft.Count()
	field := float64(max(open+soft+bone, 1))
	return segmented{File: file, SEG: base + ".seg.dcm", Overlay: base + ".png", Rows: res.Rows, Columns: res.Columns,
		Exposed: field / float64(res.Rows*res.Columns), OpenBeam: float64(open) / field, SoftTissue: float64(soft) / field,
		Bone: float64(bone) / field, HighSoft: float64(high) / field}
}

// part10File is the object as a file (PS3.10 7.1).
func part10File(o receivedObject) []byte {
	var b bytes.Buffer
	_ = writeSEGMeta(&b, o.sopInstanceUID) // a buffer takes everything; a bad UID would have been refused on receipt
	b.Write(o.dataset)
	return b.Bytes()
}
