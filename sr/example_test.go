package sr_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/sr"
)

// A report about one image: what its data set says, what was measured, and by what.
func Example() {
	var image dicom.Dataset
	for _, a := range []struct {
		tag   tag.Tag
		value string
	}{
		{tag.StudyInstanceUID, "1.2.3.4.2"}, {tag.SeriesInstanceUID, "1.2.3.4.3"}, {tag.StudyDate, "20260228"}, {tag.StudyTime, "101112"},
		{tag.AccessionNumber, "A1"}, {tag.PatientName, "Test^Person"}, {tag.PatientID, "T-1"}, {tag.PatientBirthDate, "19700101"},
		{tag.PatientSex, "O"}, {tag.StudyID, "S1"}, {tag.ReferringPhysicianName, ""}, {tag.BodyPartExamined, "KNEE"},
	} {
		e, err := dicom.NewElement(a.tag, []string{a.value})
		if err != nil {
			log.Fatal(err)
		}
		image.Elements = append(image.Elements, e)
	}
	d, err := sr.New(report(iod.NewSource(image)))
	if err != nil {
		log.Fatal(err)
	}
	var b bytes.Buffer
	if err := d.Encode(&b); err != nil {
		log.Fatal(err)
	}
	again, err := sr.New(report(iod.NewSource(image)))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a report again is the same instance:", d.UID() == again.UID() && b.Len() > 0)
	// Output:
	// a report again is the same instance: true
}
