package segment_test

import (
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment"
)

func TestThresholdByBodyPart(t *testing.T) {
	c := segment.Config{SoftTissueThresholdByBodyPart: map[string]float64{"PELVIS": 0.95}}
	if a, b := c.Threshold("PELVIS"), c.Threshold("HAND"); a != 0.95 || b != 0.90 {
		t.Errorf("PELVIS %v, HAND %v; want 0.95, 0.90", a, b)
	}
	if (segment.Config{}).Digest() != (segment.Config{SoftTissueThreshold: 0.90}).Digest() {
		t.Error("a default written out changes the digest")
	}
	if (segment.Config{}).Digest() == c.Digest() {
		t.Error("another threshold does not change the digest")
	}
}

// Shutter edges are counted from 1 and lie outside the exposed field (PS3.3 C.7.6.11).
func TestFieldByAttributes(t *testing.T) {
	m := dicomtest.DX(50, 60, 300)
	m.Extra = append(m.Extra, dicomtest.Attribute{Tag: 0x00181600, VR: "CS", Value: "RECTANGULAR"})
	for tag, v := range map[uint32]int{0x00181602: 10, 0x00181604: 51, 0x00181606: 5, 0x00181608: 46} {
		m.Extra = append(m.Extra, dicomtest.Attribute{Tag: tag, VR: "IS", Value: v})
	}
	img := decode(t, m.Encode(dicomtest.ExplicitVRLittleEndian))
	p := segment.Pipeline{Predictor: thresholds{}}
	res, err := p.Run(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	checkPartition(t, res)
	if got := res.Field.Count(); res.FieldRecord.Method != "attributes" || got != 40*40 {
		t.Errorf("%+v, %d pixels, want 1600", res.FieldRecord, got)
	}
	if !res.Field[5*60+10] || res.Field[4*60+10] || res.Field[5*60+9] {
		t.Error("the field's corner is not at row 6, column 11")
	}
}
