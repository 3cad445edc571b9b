package iod

import (
	"time"

	"github.com/suyashkumar/dicom/pkg/tag"
)

// Equipment is the program that wrote an object: General and Enhanced General
// Equipment (PS3.3 C.7.5.1, C.7.5.2), where all four are Type 1.
type Equipment struct {
	Manufacturer     string // vendor of the product, not of the X-ray system
	ModelName        string // Manufacturer's Model Name: the product
	SerialNumber     string // Device Serial Number: this installation
	SoftwareVersions string
	InstitutionName  string // optional
	StationName      string // optional
}

// Equipment sets both equipment modules.
func (d *DataSet) Equipment(e Equipment) {
	d.Required(tag.Manufacturer, e.Manufacturer)
	d.Required(tag.ManufacturerModelName, e.ModelName)
	d.Required(tag.DeviceSerialNumber, e.SerialNumber)
	d.Required(tag.SoftwareVersions, e.SoftwareVersions)
	d.Optional(tag.InstitutionName, e.InstitutionName)
	d.Optional(tag.StationName, e.StationName)
}

// SOPCommon sets the SOP Common module (PS3.3 C.12.1) for UTF-8 text, unless d
// has the character set of its source already. created
// must already be in the time zone of the data set, see [LocalTime].
func (d *DataSet) SOPCommon(sopClassUID, sopInstanceUID string, created time.Time) {
	if !d.foreign {
		d.Strings(tag.SpecificCharacterSet, "ISO_IR 192")
	}
	d.Required(tag.SOPClassUID, sopClassUID)
	d.Required(tag.SOPInstanceUID, sopInstanceUID)
	d.Moment(tag.InstanceCreationDate, tag.InstanceCreationTime, created)
}

// Moment sets a date and a time attribute, to the microsecond.
func (d *DataSet) Moment(date, clock tag.Tag, t time.Time) {
	if t.IsZero() || t.Year() > 9999 {
		d.fail(date, errRequired)
		return
	}
	d.Strings(date, t.Format("20060102"))
	d.Strings(clock, t.Format("150405.000000"))
}

// TimeZone copies Timezone Offset From UTC (0008,0201), which applies to the
// copied study date as well as to the dates of the new object. What is no offset
// is left out.
func (d *DataSet) TimeZone(s Source) {
	if _, err := offset(s); err == nil {
		d.Copy(s, tag.TimezoneOffsetFromUTC)
	}
}

// LocalTime returns t in the time zone that s names, or unchanged without one.
func LocalTime(s Source, t time.Time) time.Time {
	zone, err := offset(s)
	if err != nil {
		return t
	}
	return t.In(zone)
}

func offset(s Source) (*time.Location, error) {
	t, err := time.Parse("-0700", s.String(tag.TimezoneOffsetFromUTC))
	if err != nil {
		return nil, err
	}
	_, seconds := t.Zone()
	return time.FixedZone("", seconds), nil
}

// AcquiredBy sets Contributing Equipment Sequence (0018,A001) to the device
// that made the source image (PS3.3 C.12.1.1.5). Manufacturer is Type 1 there,
// so a source without one adds nothing.
func (d *DataSet) AcquiredBy(s Source) {
	if s.String(tag.Manufacturer) == "" {
		return
	}
	item := &DataSet{}
	item.Sequence(tag.PurposeOfReferenceCodeSequence, AcquisitionEquipment.Item())
	item.Copy(s, tag.Manufacturer, tag.InstitutionName, tag.StationName, tag.ManufacturerModelName,
		tag.DeviceSerialNumber, tag.SoftwareVersions)
	if item.Has(tag.Manufacturer) {
		d.Sequence(tag.ContributingEquipmentSequence, item)
	}
}
