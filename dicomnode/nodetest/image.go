package nodetest

import (
	"cmp"
	"errors"
	"io"
	"math"
	"path/filepath"
	"testing"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/frame"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/durable"
	"dicomnode/internal/iod"
	"dicomnode/internal/uid"
)

// Image is a DX For Processing image (PS3.3 A.26) of a bone within a limb
// across open beam, 16 bits, all made by formula.
type Image struct {
	Name       string // of the file, and what its UIDs are made of
	Rows, Cols int    // 0: no Pixel Data (7FE0,0010), which is received but cannot be decoded
	NoStudy    bool   // an empty Study Instance UID (0020,000D)
	Study      string // what the UID of its study is made of; "" is Name
	SOPClass   string // and Modality: of another object of the study, without pixels; "" is the image
	Modality   string
}

// File writes the image as a Part 10 file into the folder.
func (im Image) File(t testing.TB, dir string) string {
	t.Helper()
	path, err := im.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Write is File outside a test.
func (im Image) Write(dir string) (path string, err error) {
	ds, err := im.dataset()
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, im.Name+".dcm")
	return path, durable.Replace(path, 0o644, func(w io.Writer) error { return dicom.Write(w, ds) })
}

// Instance is the SOP Instance UID.
func (im Image) Instance() string { return iod.UID("test image", im.Name) }

// StudyInstance is the Study Instance UID, empty with NoStudy.
func (im Image) StudyInstance() string {
	if im.NoStudy {
		return ""
	}
	return iod.UID("test study", cmp.Or(im.Study, im.Name))
}

func (im Image) dataset() (ds dicom.Dataset, err error) {
	add := func(at tag.Tag, value any) {
		e, aerr := dicom.NewElement(at, value)
		err = errors.Join(err, aerr)
		ds.Elements = append(ds.Elements, e)
	}
	for _, v := range im.texts() {
		add(v.tag, v.values)
	}
	if im.SOPClass != "" {
		return ds, err
	}
	add(tag.SamplesPerPixel, []int{1})
	add(tag.PhotometricInterpretation, []string{"MONOCHROME2"})
	for _, v := range []struct {
		tag   tag.Tag
		value int
	}{{tag.Rows, im.Rows}, {tag.Columns, im.Cols}, {tag.BitsAllocated, 16}, {tag.BitsStored, 16}, {tag.HighBit, 15}, {tag.PixelRepresentation, 0}} {
		add(v.tag, []int{v.value})
	}
	add(tag.PixelIntensityRelationship, []string{"LIN"})
	add(tag.PixelIntensityRelationshipSign, []int{1})
	if im.Rows > 0 {
		pixels := frame.NewNativeFrame[uint16](16, im.Rows, im.Cols, im.Rows*im.Cols, 1)
		im.render(pixels.RawData)
		add(tag.PixelData, dicom.PixelDataInfo{Frames: []*frame.Frame{{NativeData: pixels}}})
	}
	return ds, err
}

type textElement struct {
	tag    tag.Tag
	values []string
}

func (im Image) texts() []textElement {
	one := func(at tag.Tag, value string) textElement { return textElement{at, []string{value}} }
	class := cmp.Or(im.SOPClass, uid.DigitalXRayImageStorageForProcessing)
	return []textElement{
		one(tag.MediaStorageSOPClassUID, class), one(tag.MediaStorageSOPInstanceUID, im.Instance()), one(tag.TransferSyntaxUID, uid.ExplicitVRLittleEndian),
		{tag.ImageType, []string{"ORIGINAL", "PRIMARY"}}, one(tag.SOPClassUID, class), one(tag.SOPInstanceUID, im.Instance()),
		one(tag.StudyDate, "20200101"), one(tag.StudyTime, "120000"), one(tag.AccessionNumber, ""),
		one(tag.Modality, cmp.Or(im.Modality, "DX")), one(tag.PresentationIntentType, "FOR PROCESSING"), one(tag.Manufacturer, "dicomnode"), one(tag.ReferringPhysicianName, ""),
		one(tag.PatientName, "Simulated^Limb"), one(tag.PatientID, "SIMULATED"), one(tag.PatientBirthDate, ""), one(tag.PatientSex, ""),
		one(tag.BodyPartExamined, "ARM"), one(tag.DetectorID, "SIMULATED-2"),
		one(tag.StudyInstanceUID, im.StudyInstance()), one(tag.SeriesInstanceUID, iod.UID("test series", im.Name)),
		one(tag.StudyID, "1"), one(tag.SeriesNumber, "1"), one(tag.InstanceNumber, "1"), {tag.PatientOrientation, []string{"L", "F"}},
	}
}

// render fills rows×cols stored values: a limb of half the width, a bone of an
// eighth in it, open beam beside it, on an offset of 500.
func (im Image) render(pix []uint16) {
	for i := range pix {
		across := math.Abs(float64(i%im.Cols)/float64(im.Cols) - 0.5)
		thickness := 0.0
		if across < 0.25 {
			thickness = 1.5
		}
		if across < 0.0625 {
			thickness = 3.5
		}
		pix[i] = 500 + uint16(i*7%61) + uint16(50000*math.Exp(-thickness))
	}
}
