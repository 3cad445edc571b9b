package pipeline

import (
	"log/slog"

	"dicomnode/configs"
	"dicomnode/internal/iod"
	"dicomnode/model"
	"dicomnode/segment"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
	"dicomnode/segment/seg"
)

// segmentConfig is the configuration of the pipeline. Thresholds of the configuration have
// precedence over those of the model's card.
func segmentConfig(c configs.Config, card model.Card, effort scales.Effort) (segment.Config, error) {
	site, err := c.SoftTissue.Table()
	if err != nil {
		return segment.Config{}, err
	}
	own, err := card.SoftTissue.Table()
	if err != nil {
		return segment.Config{}, err
	}
	if site.Set() && own.ByBodyPart() != nil {
		slog.Info("the configuration's soft_tissue.threshold comes before the model's thresholds by body part", "threshold", site.General())
	}
	return segment.Config{SoftTissue: site.Before(own), Correction: Correction(card, effort, model.AtNative, c.Segmentation.Refine), Guided: GuidedFilter(c.Segmentation.Refine), Effort: effort}, nil
}

// Correction is the card's calibration of an effort at one of model.Places; the zero value if
// it has none.
func Correction(card model.Card, effort scales.Effort, at, refine string) picture.Correction {
	if effort == scales.Whole {
		effort = ""
	}
	e, ok := card.Calibration.Of(string(effort), at, refine)
	if !ok {
		return picture.Correction{}
	}
	return picture.Correction{Scale: e.Scale, Shift: [picture.Classes]float64(e.Shift)}
}

// Refinements are the values of --refine and of segmentation.refine.
var Refinements = []string{"none", "guided"}

// GuidedFilter is the filter of a value of Refinements, nil for none.
func GuidedFilter(refine string) *picture.GuidedFilter {
	if refine == "guided" {
		return picture.NewGuidedFilter()
	}
	return nil
}

// Product describes this program as the equipment that made a result; version is its release.
func Product(c configs.Config, version string) iod.Equipment {
	return iod.Equipment{Manufacturer: "dicomnode", ModelName: "XNet Node", SerialNumber: c.Node.AETitle, SoftwareVersions: version}
}

// SEGOptions are the options of segmentations of a node of the configuration; version is that
// of the program.
func SEGOptions(c configs.Config, version string) seg.Options {
	p := Product(c, version)
	return seg.Options{
		Profile: seg.Profile(c.Segmentation.Profile), Manufacturer: p.Manufacturer, ProductName: p.ModelName,
		DeviceSerialNumber: p.SerialNumber, Version: p.SoftwareVersions,
	}
}
