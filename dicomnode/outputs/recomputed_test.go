package outputs_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/configs"
	"dicomnode/dicomnode/outputs"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/iod"
	"dicomnode/segment"
	"dicomnode/segment/seg"
	"dicomnode/segment/segmenttest"
)

// bytesOf is the data set of an object.
func bytesOf(t *testing.T, m *outputs.Maker, form string) []byte {
	t.Helper()
	o, err := m.Make(form)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := o.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// brighter sees pictures brighter than they are, so that each class occurs in the test's.
type brighter struct{}

func (brighter) Predict(ctx context.Context, x []float32) ([]float32, error) {
	bright := make([]float32, len(x))
	for i, v := range x {
		bright[i] = v + 0.35
	}
	return dicomtest.Greys{}.Predict(ctx, bright)
}

// TestReportIsThatOfTheSegmentation recomputes what the report says from the pixels of the
// segmentations that are sent with it.
func TestReportIsThatOfTheSegmentation(t *testing.T) {
	attribute := func(tag uint32, vr string, v any) dicomtest.Attribute {
		return dicomtest.Attribute{Tag: tag, VR: vr, Value: v}
	}
	img, _ := segmenttest.Radiograph(t, 150, 117, attribute(0x00280030, "DS", `0.2\0.25`), attribute(0x00181600, "CS", "RECTANGULAR"),
		attribute(0x00181602, "IS", 1), attribute(0x00181604, "IS", 118), attribute(0x00181606, "IS", 11), attribute(0x00181608, "IS", 151))
	img.Received = segmenttest.Created
	res, err := (&segment.Pipeline{Predictor: brighter{}}).Run(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	res.Model = segment.Model{Name: "XNet-16", Version: "1", Digest: "0123456789abcdef"}
	m := outputs.New(site(), "1.2", img, res)
	binary, err := seg.Read(bytesOf(t, m, configs.Binary))
	if err != nil {
		t.Fatal(err)
	}
	pixels, exposed := make([]int, len(binary.Frames)), 0
	for i := range pixels {
		for k := range binary.Rows * binary.Columns {
			if binary.Set(i, k) {
				pixels[i]++
			}
		}
	}
	for _, n := range pixels[:3] {
		exposed += n
	}
	if pixels[0] == 0 || pixels[1] == 0 || pixels[2] == 0 {
		t.Fatalf("pixels %v: the case is too poor", pixels)
	}
	numbers, texts := measured(t, bytesOf(t, m, configs.SR))
	certain := meanCertainty(binary, bytesOf(t, m, configs.Fractional))
	for i, n := range pixels {
		near(t, numbers, "Segment pixel count", i, float64(n), 0)
		near(t, numbers, "Area", i, float64(n)*0.2*0.25, 1e-6)
		near(t, numbers, "Fraction of exposed field", i, 100*float64(n)/float64(exposed), 1e-6)
	}
	for i := range 3 {
		near(t, numbers, "Fractional Probabilistic Segmentation", i, certain[i], 0.5/255)
	}
	mean := (certain[0]*float64(pixels[0]) + certain[1]*float64(pixels[1]) + certain[2]*float64(pixels[2])) / float64(exposed)
	_, quality, _ := strings.Cut(texts["Quality of the segmentation"], "mean probability ")
	said, _ := strconv.ParseFloat(quality[:min(5, len(quality))], 64)
	if math.Abs(said-mean) > 0.01 { // it is that of the network's pixels
		t.Errorf("quality %q, want a mean probability of %.3f", texts["Quality of the segmentation"], mean)
	}
}

// meanCertainty is the mean probability of the first three segments in each of them, read
// from the last bytes of a FRACTIONAL object.
func meanCertainty(o *seg.Object, fractional []byte) (mean [3]float64) {
	n := o.Rows * o.Columns
	values := fractional[len(fractional)-3*n-3*n%2:]
	for i := range mean {
		sum, count := 0.0, 0.0
		for k := range n {
			if o.Set(i, k) {
				sum, count = sum+float64(values[i*n+k])/255, count+1
			}
		}
		mean[i] = sum / count
	}
	return mean
}

func near(t *testing.T, numbers map[string][]float64, name string, i int, want, by float64) {
	t.Helper()
	if v := numbers[name]; i >= len(v) || math.Abs(v[i]-want) > by {
		t.Errorf("%s %d: %v, want %v", name, i+1, v, want)
	}
}

// measured are the numbers of a report in the order of its segments, and its texts.
func measured(t *testing.T, report []byte) (numbers map[string][]float64, texts map[string]string) {
	t.Helper()
	ds, err := dicom.Parse(bytes.NewReader(report), int64(len(report)), nil, dicom.SkipMetadataReadOnNewParserInit())
	if err != nil {
		t.Fatal(err)
	}
	numbers, texts = map[string][]float64{}, map[string]string{}
	var walk func(iod.Source)
	walk = func(item iod.Source) {
		for _, child := range item.Items(tag.ContentSequence) {
			name := ""
			for _, c := range child.Items(tag.ConceptNameCodeSequence) {
				name = c.String(tag.CodeMeaning)
			}
			switch child.String(tag.ValueType) {
			case "NUM":
				v, err := strconv.ParseFloat(child.Items(tag.MeasuredValueSequence)[0].String(tag.NumericValue), 64)
				if err != nil {
					t.Fatal(fmt.Errorf("%s: %w", name, err))
				}
				numbers[name] = append(numbers[name], v)
			case "TEXT":
				texts[name] = child.String(tag.TextValue)
			}
			walk(child)
		}
	}
	walk(iod.NewSource(ds))
	return numbers, texts
}
