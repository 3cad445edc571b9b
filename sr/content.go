package sr

import (
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/uid"
)

// Relationship types (PS3.3 C.17.3.2.4).
const (
	contains   = "CONTAINS"
	obsContext = "HAS OBS CONTEXT"
	acqContext = "HAS ACQ CONTEXT"
	conceptMod = "HAS CONCEPT MOD"
)

// node is one content item of the document tree (PS3.3 C.17.3) with what lies
// under it. A node without value type is left out, so that an optional row of a
// template needs no branch where the tree is put together.
type node struct {
	relationship string // to its parent; "" of the root
	valueType    string // PS3.3 Table C.17.3-7
	concept      iod.Code
	value        func(*iod.DataSet)
	children     []node
}

// absent is the row of a template that has no value.
var absent = node{}

func container(relationship string, concept iod.Code, template string, children ...node) node {
	return node{relationship, "CONTAINER", concept, func(d *iod.DataSet) {
		d.Strings(tag.ContinuityOfContent, "SEPARATE")
		if template != "" {
			d.Sequence(tag.ContentTemplateSequence, templateItem(template))
		}
	}, children}
}

// templateItem names a template of PS3.16 (PS3.3 C.18.8.1).
func templateItem(id string) *iod.DataSet {
	d := &iod.DataSet{}
	d.Strings(tag.MappingResource, "DCMR")
	d.Strings(tag.MappingResourceUID, uid.DICOMContentMappingResource)
	d.Strings(tag.TemplateIdentifier, id)
	return d
}

// code is absent when value has no code.
func code(relationship string, concept, value iod.Code, children ...node) node {
	if value.Value == "" {
		return absent
	}
	return node{relationship, "CODE", concept, func(d *iod.DataSet) {
		d.Sequence(tag.ConceptCodeSequence, value.Item())
	}, children}
}

// text is absent when value is empty.
func text(relationship string, concept iod.Code, value string) node {
	if value == "" {
		return absent
	}
	return node{relationship, "TEXT", concept, func(d *iod.DataSet) { d.Required(tag.TextValue, value) }, nil}
}

func uidRef(relationship string, concept iod.Code, uid string) node {
	return node{relationship, "UIDREF", concept, func(d *iod.DataSet) { d.Required(tag.UID, uid) }, nil}
}

// number is a NUM content item (PS3.3 C.18.1); the value stands twice, as the
// 16 characters of a DS and exactly.
func number(relationship string, concept iod.Code, value float64, unit iod.Code, children ...node) node {
	return node{relationship, "NUM", concept, func(d *iod.DataSet) {
		m := &iod.DataSet{}
		m.Decimals(tag.NumericValue, value)
		m.Decimals(tag.FloatingPointValue, value)
		m.Sequence(tag.MeasurementUnitsCodeSequence, unit.Item())
		d.Sequence(tag.MeasuredValueSequence, m)
	}, children}
}

// image refers to an instance (PS3.3 C.18.4), or to a frame of it when frame is
// not 0. The number of a segment is not written beside: a frame or a segment,
// never both.
func image(relationship string, concept iod.Code, r Reference, frame int, children ...node) node {
	return node{relationship, "IMAGE", concept, func(d *iod.DataSet) {
		ref := iod.Reference(r.SOPClassUID, r.SOPInstanceUID)
		if frame > 0 {
			ref.Ints(tag.ReferencedFrameNumber, frame)
		}
		d.Sequence(tag.ReferencedSOPSequence, ref)
	}, children}
}

// fill sets the attributes of the content item in d, which is the document's
// data set for the root and an item of Content Sequence (0040,A730) else.
func (n node) fill(d *iod.DataSet) {
	if n.relationship != "" {
		d.Strings(tag.RelationshipType, n.relationship)
	}
	d.Strings(tag.ValueType, n.valueType)
	d.Sequence(tag.ConceptNameCodeSequence, n.concept.Item())
	n.value(d)
	var items []*iod.DataSet
	for _, child := range n.children {
		if child.valueType == "" {
			continue
		}
		item := &iod.DataSet{}
		child.fill(item)
		items = append(items, item)
	}
	if len(items) > 0 {
		d.Sequence(tag.ContentSequence, items...)
	}
}
