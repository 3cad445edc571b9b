package outputs

import (
	"slices"

	"dicomnode/configs"
	"dicomnode/internal/uid"
	"dicomnode/segment/gsps"
	"dicomnode/segment/seg"
)

// classes are the SOP classes of the forms of a segmentation.
var classes = map[string]string{
	configs.Binary:     seg.SOPClassUID,
	configs.Fractional: seg.SOPClassUID,
	configs.Labelmap:   seg.LabelmapSOPClassUID,
	configs.SC:         uid.SecondaryCaptureImageStorage,
	configs.GSPS:       gsps.SOPClassUID,
}

// FormsLeft are the forms, in their order, whose SOP class is not refused.
func FormsLeft(forms, refused []string) []string {
	return slices.DeleteFunc(slices.Clone(forms), func(f string) bool { return slices.Contains(refused, classes[f]) })
}
