package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"dicomnode/dicomnode/demo/pacs"
	"dicomnode/dicomnode/offline"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/seg"
	"dicomnode/trainer/simulate"
)

// collect takes what the PACS receives until the node has nothing left to do.
func (d *demo) collect(ctx context.Context, waiting map[string]string) (reports []offline.Report, err error) {
	done := make(chan error, 1)
	go func() { _, err := d.settled(ctx); done <- err }()
	for {
		select {
		case o := <-d.pacs.Objects:
			uid, err := o.Source()
			if err != nil {
				return reports, err
			}
			file, ok := waiting[uid]
			if !ok {
				return reports, errors.New("demo: a segmentation of an image that was not sent")
			}
			delete(waiting, uid)
			r, err := d.show(ctx, file, o)
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
func (d *demo) show(ctx context.Context, file string, o pacs.Object) (offline.Report, error) {
	masks, rows, cols, err := seg.ReadMasks(o.Dataset)
	if err != nil {
		return offline.Report{}, err
	}
	if len(masks) != 4 {
		return offline.Report{}, fmt.Errorf("demo: %d segments, want 4", len(masks))
	}
	img, err := decode.ReadFile(ctx, file, d.node.Codecs())
	if err != nil {
		return offline.Report{}, err
	}
	res := resultOf(masks, rows, cols)
	if view := slices.Index(d.taken, file); view >= 0 {
		if d.accuracy[file], err = accuracyOf(d.Detector, view, res.Masks); err != nil {
			return offline.Report{}, err
		}
	}
	base := filepath.Join(d.Out, offline.UniqueName(d.names, file))
	if err := os.WriteFile(base+".seg.dcm", o.Part10(), 0o644); err != nil {
		return offline.Report{}, err
	}
	return maskReport(file, base, res), offline.WriteOverlay(base+".png", img, res)
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
func maskReport(file, base string, res *segment.Result) offline.Report {
	m := res.Masks
	open, soft, bone, high := m.Open.Count(), m.Soft.Count(), m.Bone.Count(), m.HighPrecisionSoft.Count()
	field := float64(max(open+soft+bone, 1))
	return offline.Report{File: file, SEG: base + ".seg.dcm", Overlay: base + ".png", Rows: res.Rows, Columns: res.Columns,
		Exposed: field / float64(res.Rows*res.Columns), OpenBeam: float64(open) / field, SoftTissue: float64(soft) / field,
		Bone: float64(bone) / field, HighSoft: float64(high) / field, NoQuality: true}
}
