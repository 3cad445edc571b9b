package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/frame"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
)

// dxForProcessing is Digital X-Ray Image Storage - For Processing (PS3.4 B.5).
const dxForProcessing = "1.2.840.10008.5.1.4.1.1.1.1.1"

// phantom is a limb on a simulated detector: a cylinder of soft tissue with two
// bones in it, Beer-Lambert attenuation, quantum noise and the detector's offset.
type phantom struct {
	name       string
	rows, cols int
	radius     float64 // of the limb, as a fraction of the columns
	tilt       float64 // of the limb against the columns, radians
	beam       bool    // false: a dark frame
	seed       uint64
}

// Attenuation in 1/mm at about 60 keV, detector counts of the open beam, and the
// detector's offset and read-out noise in stored values.
const (
	muSoft, muBone = 0.020, 0.070
	limbWidth      = 90.0 // mm across the columns
	openCounts     = 9000.0
	detectorOffset = 600.0
	readNoise      = 4.0
)

// demoPhantoms are the images of the demonstration.
func demoPhantoms() []phantom {
	return []phantom{
		{"limb-1", 640, 512, 0.22, 0.05, true, 1},
		{"limb-2", 640, 512, 0.30, -0.20, true, 2},
		{"limb-3", 640, 512, 0.17, 0.35, true, 3},
	}
}

// demoDarks are exposures of the same detector with the tube off.
func demoDarks() []phantom {
	return []phantom{
		{"dark-1", 640, 512, 0, 0, false, 11}, {"dark-2", 640, 512, 0, 0, false, 12}, {"dark-3", 640, 512, 0, 0, false, 13},
	}
}

// pixels renders the phantom: rows×cols stored values, linear in detector signal.
func (p phantom) pixels() []uint16 {
	random := rand.New(rand.NewPCG(p.seed, 17))
	pix := make([]uint16, p.rows*p.cols)
	for y := range p.rows {
		for x := range p.cols {
			v := p.offsetAt(y, x) + readNoise*random.NormFloat64()
			if p.beam {
				counts := openCounts * math.Exp(-p.attenuation(y, x))
				v += counts + math.Sqrt(counts)*random.NormFloat64()
			}
			pix[y*p.cols+x] = uint16(min(max(v, 0), 16383))
		}
	}
	return pix
}

// offsetAt is the detector's dark signal: an offset with a gradient and columns.
func (p phantom) offsetAt(y, x int) float64 {
	return detectorOffset + 120*float64(y)/float64(p.rows) + 15*math.Sin(float64(x)*0.7)
}

// attenuation is the sum of μ·thickness along the ray through a pixel.
func (p phantom) attenuation(y, x int) float64 {
	limb, bone := p.paths(y, x)
	return muSoft*(limb-bone) + muBone*bone
}

// paths are the lengths in mm of limb, and of bone within it, along the ray
// through a pixel.
func (p phantom) paths(y, x int) (limb, bone float64) {
	u := (float64(x) - float64(p.cols)/2) / float64(p.cols)
	v := (float64(y) - float64(p.rows)/2) / float64(p.cols)
	across := u*math.Cos(p.tilt) + v*math.Sin(p.tilt)
	chord := func(centre, radius float64) float64 {
		d := across - centre
		return 2 * limbWidth * math.Sqrt(max(0, radius*radius-d*d))
	}
	return chord(0, p.radius), chord(-0.42*p.radius, 0.24*p.radius) + chord(0.40*p.radius, 0.20*p.radius)
}

// write writes the phantom as a DX For Processing file (PS3.3 A.26).
func (p phantom) write(w io.Writer) error {
	ds, err := p.dataset()
	if err != nil {
		return fmt.Errorf("make %s: %w", p.name, err)
	}
	return writeDataset(w, ds)
}

func (p phantom) dataset() (dicom.Dataset, error) {
	pixels := frame.NewNativeFrame[uint16](16, p.rows, p.cols, p.rows*p.cols, 1)
	copy(pixels.RawData, p.pixels())
	instance := iod.UID("demo", p.name)
	values := []struct {
		tag   tag.Tag
		value any
	}{
		{tag.MediaStorageSOPClassUID, []string{dxForProcessing}}, {tag.MediaStorageSOPInstanceUID, []string{instance}},
		{tag.TransferSyntaxUID, []string{explicitVRLittleEndian}},
		{tag.ImageType, []string{"ORIGINAL", "PRIMARY"}},
		{tag.SOPClassUID, []string{dxForProcessing}}, {tag.SOPInstanceUID, []string{instance}},
		{tag.StudyDate, []string{"20200101"}}, {tag.StudyTime, []string{"120000"}}, {tag.AccessionNumber, []string{""}},
		{tag.Modality, []string{"DX"}}, {tag.PresentationIntentType, []string{"FOR PROCESSING"}},
		{tag.Manufacturer, []string{"dicomnode"}}, {tag.ReferringPhysicianName, []string{""}},
		{tag.PatientName, []string{"Simulated^Limb"}}, {tag.PatientID, []string{"SIMULATED"}},
		{tag.PatientBirthDate, []string{""}}, {tag.PatientSex, []string{""}},
		{tag.BodyPartExamined, []string{"ARM"}}, {tag.DetectorID, []string{"SIMULATED-1"}},
		{tag.StudyInstanceUID, []string{iod.UID("demo study", p.name)}}, {tag.SeriesInstanceUID, []string{iod.UID("demo series", p.name)}},
		{tag.StudyID, []string{"1"}}, {tag.SeriesNumber, []string{"1"}}, {tag.InstanceNumber, []string{"1"}},
		{tag.PatientOrientation, []string{"L", "F"}},
		{tag.SamplesPerPixel, []int{1}}, {tag.PhotometricInterpretation, []string{"MONOCHROME2"}},
		{tag.Rows, []int{p.rows}}, {tag.Columns, []int{p.cols}},
		{tag.BitsAllocated, []int{16}}, {tag.BitsStored, []int{14}}, {tag.HighBit, []int{13}}, {tag.PixelRepresentation, []int{0}},
		{tag.PixelIntensityRelationship, []string{"LIN"}}, {tag.PixelIntensityRelationshipSign, []int{1}},
		{tag.PixelData, dicom.PixelDataInfo{Frames: []*frame.Frame{{NativeData: pixels}}}},
	}
	var ds dicom.Dataset
	for _, v := range values {
		e, err := dicom.NewElement(v.tag, v.value)
		if err != nil {
			return ds, err
		}
		ds.Elements = append(ds.Elements, e)
	}
	return ds, nil
}

// writePhantoms writes each phantom into the folder and returns the files.
func writePhantoms(dir string, phantoms []phantom) (paths []string, err error) {
	for _, p := range phantoms {
		path := filepath.Join(dir, p.name+".dcm")
		f, err := os.Create(path)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(p.write(f), f.Close()); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func writeDataset(w io.Writer, ds dicom.Dataset) error { return dicom.Write(w, ds) }
