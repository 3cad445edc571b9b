package segment

import (
	"slices"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/segment/decode"
)

// otherModalities are values of Modality (0008,0060) of objects that are not X-ray projections
// (PS3.3 C.7.3.1.1.1).
var otherModalities = []string{
	"CT", "MR", "PT", "NM", "US", "BDUS", "IVUS", "OCT", "OPT", "OP", "OPM", "OPTBSV", "OPTENF", "OAM", "ES", "EC", "GM", "SM", "CFM",
	"XC", "DMS", "DOC", "LS", "TG", "BI", "BMD", "ECG", "EPS", "HD", "POS", "M3D", "SEG", "SR", "PR", "KO", "REG",
}

// otherObject returns why an image is not a projection radiograph according to its attributes,
// "" if it is.
func otherObject(img *decode.Image) string {
	if m := img.Text(tag.Modality); slices.Contains(otherModalities, m) {
		return "its modality is " + m
	}
	kinds, _ := img.Values(tag.ImageType).([]string)
	for _, v := range kinds { // PS3.3 C.8.2.1.1.1
		if v = strings.ToUpper(strings.TrimSpace(v)); v == "AXIAL" || v == "LOCALIZER" {
			return "its Image Type is " + v
		}
	}
	if img.Text(tag.RescaleType) == "HU" {
		return "its values are Hounsfield units"
	}
	return ""
}
