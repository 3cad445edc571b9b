package segment_test

import (
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/threshold"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/picture"
)

func TestThresholdChangesTheDigest(t *testing.T) {
	table := func(general *float64, parts map[string]float64) segment.Config {
		made, err := threshold.New(general, parts)
		if err != nil {
			t.Fatal(err)
		}
		return segment.Config{SoftTissue: made}
	}
	none := segment.Config{}.Digest()
	if none != "7363891ea91a29e64039977e0a43c6404db02f6624718eed9bed8c84fa7e59d2" {
		t.Errorf("the digest of no choice became %s: results of the same choices would be new ones", none)
	}
	if none != table(new(threshold.Default), nil).Digest() {
		t.Error("a default written out changes the digest")
	}
	parts := table(nil, map[string]float64{"Pelvis": 0.95}).Digest()
	if none == parts || none == table(new(0.95), nil).Digest() {
		t.Error("another threshold does not change the digest")
	}
	if parts != table(nil, map[string]float64{"PELVIS": 0.95}).Digest() {
		t.Error("another spelling changes the digest")
	}
}

// Shutter edges are counted from 1 and lie outside the exposed field (PS3.3 C.7.6.11).
func TestFieldByAttributes(t *testing.T) {
	m := dicomtest.DX(50, 60, 300)
	m.Extra = append(m.Extra, dicomtest.Attribute{Tag: 0x00181600, VR: "CS", Value: "RECTANGULAR"})
	for tag, v := range map[uint32]int{0x00181602: 10, 0x00181604: 51, 0x00181606: 5, 0x00181608: 46} {
		m.Extra = append(m.Extra, dicomtest.Attribute{Tag: tag, VR: "IS", Value: v})
	}
	img := read(t, m.Encode(uid.ExplicitVRLittleEndian))
	p := segment.Pipeline{Predictor: dicomtest.Greys{}}
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

// Circular and polygonal shutters and collimators; several shapes limit together; what
// is malformed or leaves next to nothing is not believed.
func TestFieldByShapes(t *testing.T) {
	cs := func(tag uint32, v string) dicomtest.Attribute {
		return dicomtest.Attribute{Tag: tag, VR: "CS", Value: v}
	}
	is := func(tag uint32, v string) dicomtest.Attribute {
		return dicomtest.Attribute{Tag: tag, VR: "IS", Value: v}
	}
	circle := []dicomtest.Attribute{cs(0x00181600, "CIRCULAR"), is(0x00181610, `25\30`), is(0x00181612, "20")}
	triangle := []dicomtest.Attribute{cs(0x00181700, "POLYGONAL"), is(0x00181720, `1\1\1\60\50\1`)}
	for _, c := range []struct {
		name    string
		extra   []dicomtest.Attribute
		method  string
		in, out [2]int // 0-based row, column
	}{
		{"circle", circle, "attributes", [2]int{24, 29}, [2]int{24, 50}},
		{"triangle", triangle, "attributes", [2]int{10, 10}, [2]int{40, 50}},
		{"both", append(circle[:3:3], triangle...), "attributes", [2]int{20, 20}, [2]int{2, 2}},
		{"tiny circle", []dicomtest.Attribute{circle[0], circle[1], is(0x00181612, "3")}, "", [2]int{24, 29}, [2]int{-1, 0}},
		{"no radius", circle[:2], "", [2]int{24, 29}, [2]int{-1, 0}},
		{"two vertices", []dicomtest.Attribute{triangle[0], is(0x00181720, `1\1\9\9`)}, "", [2]int{24, 29}, [2]int{-1, 0}},
	} {
		m := dicomtest.DX(50, 60, 300)
		m.Extra = append(m.Extra, c.extra...)
		p := segment.Pipeline{Predictor: dicomtest.Greys{}}
		res, err := p.Run(t.Context(), read(t, m.Encode(uid.ExplicitVRLittleEndian)))
		if err != nil {
			t.Fatal(err)
		}
		if (res.FieldRecord.Method == "attributes") != (c.method == "attributes") {
			t.Errorf("%s: %+v, want %q", c.name, res.FieldRecord, c.method)
		}
		if !res.Field[c.in[0]*60+c.in[1]] || c.out[0] >= 0 && res.Field[c.out[0]*60+c.out[1]] {
			t.Errorf("%s: the field is not where the header says", c.name)
		}
	}
}

func TestRefineChangesTheDigest(t *testing.T) {
	seen := map[string]string{}
	for name, c := range map[string]segment.Config{
		"none": {}, "guided": {Guided: picture.NewGuidedFilter()},
		"wider": {Guided: &picture.GuidedFilter{Radius: 77}}, "sharper": {Guided: &picture.GuidedFilter{Epsilon: 0.5}},
	} {
		if other := seen[c.Digest()]; other != "" {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[c.Digest()] = name
	}
	written := segment.Config{Guided: &picture.GuidedFilter{}}
	if seen[written.Digest()] != "guided" {
		t.Error("a default written out changes the digest")
	}
}
