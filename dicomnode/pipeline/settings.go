package pipeline

import (
	"dicomnode/configs"
	"dicomnode/model"
	"dicomnode/segment"
	"dicomnode/segment/picture"
	"dicomnode/segment/seg"
	"maps"
)

// segmentConfig is the configuration of the pipeline. Thresholds of the
// configuration come before those of the model's card.
func segmentConfig(c configs.Config, card model.Card) segment.Config {
	threshold, parts := c.SoftTissue.Threshold, map[string]float64{}
	if threshold == 0 {
		threshold = card.SoftTissue.Threshold
		maps.Copy(parts, card.SoftTissue.ByBodyPart)
	}
	maps.Copy(parts, c.SoftTissue.ByBodyPart)
	return segment.Config{SoftTissueThreshold: threshold, SoftTissueThresholdByBodyPart: parts, Guided: GuidedFilter(c.Segmentation.Refine)}
}

// Refinements are the values of --refine, as of the configuration's segmentation.refine.
var Refinements = []string{"none", "guided"}

// GuidedFilter is the filter that a value of Refinements stands for, nil for none.
func GuidedFilter(refine string) *picture.GuidedFilter {
	if refine == "guided" {
		return picture.NewGuidedFilter()
	}
	return nil
}

// SEGOptions says how a node of the configuration signs its segmentations; version is that
// of the program.
func SEGOptions(c configs.Config, version string) seg.Options {
	return seg.Options{
		Profile: seg.Profile(c.Segmentation.Profile), Manufacturer: "dicomnode", ProductName: "XNet Node",
		DeviceSerialNumber: c.Node.AETitle, Version: version,
	}
}
