package deidentify

import (
	"fmt"
	"slices"

	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
)

// Claim records the de-identification in a result: Patient Identity Removed (0012,0062),
// De-identification Method (0012,0063) and its codes (0012,0064) of PS3.16 CID 7050, and
// Longitudinal Temporal Information Modified (0028,0303). If the pixels were reviewed and
// approved it also sets Burned In Annotation (0028,0301) to NO and lists the Clean Pixel Data
// Option. Call it after the leak check.
func (d *Deidentifier) Claim(r *Result, pixelsApproved bool) {
	o := r.Object
	o.PutText(0x00120062, "CS", "YES")
	o.PutText(0x00120063, "LO", cut(fmt.Sprintf("dicomnode %s PS3.15 %s", d.Version, profile.Edition), 64))
	methods := []profile.Method{profile.Basic}
	if pixelsApproved {
		methods = append(methods, profile.PixelData)
		o.PutText(0x00280301, "CS", "NO")
	} else if o.Find(0x00280301) != nil {
		o.PutText(0x00280301, "CS", "YES") // Type 1 in DX; without a review text must be expected
	}
	applied := slices.Clone(r.options)
	slices.Sort(applied)
	for _, option := range applied {
		methods = append(methods, profile.Methods[option])
	}
	slices.SortFunc(methods, func(a, b profile.Method) int { return compare(a.Value, b.Value) })
	codes := &object.Element{Tag: 0x00120064, VR: "SQ"}
	for _, m := range methods {
		item := &object.Set{}
		item.PutText(tagCodeValue, "SH", m.Value)
		item.PutText(tagCodingScheme, "SH", "DCM")
		item.PutText(tagCodeMeaning, "LO", m.Meaning)
		codes.Items = append(codes.Items, item)
	}
	o.Put(codes)
	o.PutText(0x00280303, "CS", d.longitudinal())
}

// longitudinal returns the value of PS3.3 C.12.1.1.1.
func (d *Deidentifier) longitudinal() string {
	switch {
	case retains(d.Retain, profile.FullDates):
		return "UNMODIFIED"
	case retains(d.Retain, profile.ModifiedDates):
		return "MODIFIED"
	}
	return "REMOVED"
}

func cut(s string, n int) string { return s[:min(len(s), n)] }

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
