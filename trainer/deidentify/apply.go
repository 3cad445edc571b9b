package deidentify

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"dicomnode/internal/part10"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
)

// Attributes with special rules.
const (
	tagPatientName   part10.Tag = 0x00100010
	tagPatientID     part10.Tag = 0x00100020
	tagPatientAge    part10.Tag = 0x00101010
	tagPatientBirth  part10.Tag = 0x00100030
	tagStudyDate     part10.Tag = 0x00080020
	tagCodeMeaning   part10.Tag = 0x00080104
	tagCodeValue     part10.Tag = 0x00080100
	tagCodingScheme  part10.Tag = 0x00080102
	tagContent       part10.Tag = 0x0040A730
	tagImageType     part10.Tag = 0x00080008
	tagValueType     part10.Tag = 0x0040A040
	tagConceptName   part10.Tag = 0x0040A043
	tagTimezone      part10.Tag = 0x00080201
	tagTextValue     part10.Tag = 0x0040A160
	tagTrackingID    part10.Tag = 0x00620020
	dummyText                   = "DEIDENTIFIED"
	unlistedMeaning             = "unlisted concept"
	wellKnownUIDRoot            = "1.2.840.10008."
)

// apply performs an action and returns the element of the result, nil if it is removed.
func (r *run) apply(action profile.Action, s *object.Set, e *object.Element, path []part10.Tag, blank bool) *object.Element {
	if e.Tag == tagPatientName || e.Tag == tagPatientID {
		if action != profile.Remove {
			return r.replace(s, e, object.Text(e.VR, r.Patient))
		}
	}
	if action != profile.Remove && tracks(s, e) && !r.approved(s, e) {
		return r.replace(s, e, object.Text(e.VR, r.tracking(s.First(e.Tag))))
	}
	switch action {
	case profile.Remove:
		r.gone(s, e)
		return nil
	case profile.Empty:
		r.gone(s, e)
		return &object.Element{Tag: e.Tag, VR: e.VR}
	case profile.Dummy:
		return r.dummy(s, e, path)
	}
	switch { // keep, clean, UID
	case e.VR == "SQ":
		return r.sequence(s, e, path, blank)
	case e.VR == "UI":
		return r.uids(s, e)
	case e.Tag == tagCodeMeaning:
		return r.meaning(s, e)
	case e.Tag == tagImageType && !r.d.Basic:
		return r.replace(s, e, object.Text("CS", onlyTerms(s.TextOf(e))...))
	case e.Tag == tagPatientAge:
		return r.replace(s, e, object.Text("AS", capAge(s.First(e.Tag))))
	case action == profile.Clean && (e.VR == "DA" || e.VR == "DT"):
		return r.shift(s, e)
	}
	return &object.Element{Tag: e.Tag, VR: e.VR, Value: e.Value, Fragments: e.Fragments}
}

// trackingIdentifier is the concept of a Tracking ID in a content tree (PS3.16 TID 1411,
// TID 1501).
var trackingIdentifier = profile.Concept{Scheme: "DCM", Value: "112039"}

// tracks reports whether e, an element of s, is the text that belongs to a tracking UID. One
// requires the other (PS3.3 C.8.20.2, Tracking ID (0062,0020) of Type 1C).
func tracks(s *object.Set, e *object.Element) bool {
	if e.Tag == tagTrackingID {
		return true
	}
	name := s.Find(tagConceptName)
	return e.Tag == tagTextValue && name != nil && len(name.Items) == 1 && concept(name.Items[0]) == trackingIdentifier
}

// tracking returns the pseudonym of a tracking identifier of a patient. It is the same in
// segmentations and reports.
func (r *run) tracking(old string) string {
	id := r.d.Key.ID("tracking", r.PatientKey, old)
	r.Made = append(r.Made, id)
	return id
}

// onlyTerms empties values of Image Type that are not defined terms (PS3.3 C.7.6.1.1.2). From
// the third value on, vendors write arbitrary text.
func onlyTerms(values []string) []string {
	out, n := make([]string, len(values)), 0
	for i, v := range values {
		if profile.Term(v) && v != "" {
			out[i], n = v, i+1
		}
	}
	return out[:n]
}

// replace returns e with another value. The old value is recorded as removed unless it is the
// same.
func (r *run) replace(s *object.Set, e *object.Element, value []byte) *object.Element {
	if string(value) != string(e.Value) {
		r.gone(s, e)
	}
	return &object.Element{Tag: e.Tag, VR: e.VR, Value: value}
}

// sequence de-identifies the items of e.
func (r *run) sequence(s *object.Set, e *object.Element, path []part10.Tag, blank bool) *object.Element {
	out := &object.Element{Tag: e.Tag, VR: "SQ"}
	inner := append(path[:len(path):len(path)], e.Tag)
	for _, item := range e.Items {
		if !blank && (!r.d.Basic || e.Tag == tagContent) && r.refused(e.Tag, item) {
			for _, i := range item.Elements {
				r.gone(item, i)
			}
			continue
		}
		out.Items = append(out.Items, r.set(item, inner, blank))
	}
	return r.required(s, e, out, path)
}

// required handles a sequence that has lost all of its items, by its attribute type.
func (r *run) required(s *object.Set, e, out *object.Element, path []part10.Tag) *object.Element {
	if len(out.Items) > 0 || len(e.Items) == 0 {
		return out
	}
	switch r.kind.Type(path, e.Tag) {
	case "1", "1C":
		return r.dummy(s, e, path)
	case "2", "2C":
		return out
	}
	return nil
}

// refused reports whether an item is removed. In training sets these are coded concepts that
// are not listed. In all sets they are content items (PS3.3 C.17.3) whose value is a text, name
// or date that must not stay; this is how structured content is cleaned (PS3.15 E.3.4).
func (r *run) refused(sequence part10.Tag, item *object.Set) bool {
	if sequence != tagContent {
		return (profile.Coded(sequence) || item.Find(tagCodeMeaning) != nil) && profile.Meaning(concept(item)) == ""
	}
	if name := item.Find(tagConceptName); !r.d.Basic && name != nil && len(name.Items) == 1 && profile.Meaning(concept(name.Items[0])) == "" {
		return true
	}
	switch item.First(tagValueType) {
	case "PNAME":
		return true
	case "DATE", "TIME", "DATETIME":
		return !r.d.Basic || !retains(r.d.Retain, profile.FullDates) && !retains(r.d.Retain, profile.ModifiedDates)
	case "TEXT":
		e := item.Find(tagTextValue)
		return e == nil || !tracks(item, e) && !r.approved(item, e)
	case "CODE":
		e := item.Find(0x0040A168)
		return !r.d.Basic && (e == nil || len(e.Items) != 1 || profile.Meaning(concept(e.Items[0])) == "")
	}
	return false
}

func concept(item *object.Set) profile.Concept {
	return profile.Concept{Scheme: item.First(tagCodingScheme), Value: item.First(tagCodeValue)}
}

// meaning replaces e by the standard's Code Meaning of its concept.
func (r *run) meaning(s *object.Set, e *object.Element) *object.Element {
	if m := profile.Meaning(concept(s)); m != "" {
		return r.replace(s, e, object.Text("LO", m))
	}
	return r.replace(s, e, object.Text("LO", unlistedMeaning))
}

// uids replaces UIDs that are not defined by the standard. Empty values stay.
func (r *run) uids(s *object.Set, e *object.Element) *object.Element {
	values := strings.Split(strings.TrimRight(string(e.Value), " \x00"), `\`)
	for i, v := range values {
		values[i] = r.d.UID(strings.Trim(v, " \x00"))
	}
	return r.replace(s, e, object.Text("UI", values...))
}

// shift shifts dates by the patient's number of days; invalid dates are emptied.
func (r *run) shift(s *object.Set, e *object.Element) *object.Element {
	values := s.TextOf(e)
	for i, v := range values {
		values[i] = shifted(v, r.days)
	}
	return r.replace(s, e, object.Text(e.VR, values...))
}

// shifted moves the date of a DA or DT, which may be a range, back by days. A date without a
// day is treated as the first of the month.
func shifted(v string, days int) string {
	if from, to, ok := strings.Cut(v, "-"); ok && len(from) == 8 && len(to) == 8 {
		return shifted(from, days) + "-" + shifted(to, days)
	}
	digits := v[:len(v)-len(strings.TrimLeft(v, "0123456789"))]
	n := min(len(digits), 8)
	layout := "20060102"[:n]
	if n != 4 && n != 6 && n != 8 {
		return ""
	}
	t, err := time.Parse(layout, v[:n])
	if err != nil {
		return ""
	}
	return t.AddDate(0, 0, -days).Format(layout) + v[n:]
}

// dummy returns e with a meaningless value that is valid for its VR.
func (r *run) dummy(s *object.Set, e *object.Element, path []part10.Tag) *object.Element {
	switch {
	case e.Tag == tagPatientName || e.Tag == tagPatientID:
		return r.replace(s, e, object.Text(e.VR, r.Patient))
	case e.VR == "UI":
		return r.uids(s, e)
	case e.VR == "SQ":
		out := &object.Element{Tag: e.Tag, VR: "SQ"}
		for i, item := range e.Items {
			if i > 0 {
				for _, inner := range item.Elements {
					r.gone(item, inner)
				}
				continue
			}
			out.Items = append(out.Items, r.set(item, append(path[:len(path):len(path)], e.Tag), true))
		}
		return out
	}
	value, ok := dummies[e.VR]
	if !ok {
		r.gone(s, e)
		return nil
	}
	return r.replace(s, e, []byte(value))
}

// dummies are meaningless values of even length for each VR (PS3.15 E.1.1, PS3.5 6.2).
var dummies = map[string]string{
	"AE": dummyText, "AS": "000Y", "CS": dummyText, "DA": "19000101", "DS": "0 ", "DT": "19000101000000", "IS": "0 ", "LO": dummyText,
	"LT": dummyText, "PN": dummyText, "SH": dummyText, "ST": dummyText, "TM": "000000", "UC": dummyText, "UR": "urn:deidentified", "UT": dummyText,
	"US": "\x00\x00", "SS": "\x00\x00", "UL": "\x00\x00\x00\x00", "SL": "\x00\x00\x00\x00", "FL": "\x00\x00\x00\x00",
	"FD": "\x00\x00\x00\x00\x00\x00\x00\x00", "AT": "\x00\x00\x00\x00", "OB": "\x00\x00", "OW": "\x00\x00", "UN": "\x00\x00",
	"OF": "\x00\x00\x00\x00", "OL": "\x00\x00\x00\x00", "OD": "\x00\x00\x00\x00\x00\x00\x00\x00",
}

// permitted reports whether a value that a training set keeps is of the kind that its VR
// requires. A text that is not a term or wording could contain anything.
func (r *run) permitted(s *object.Set, e *object.Element) bool {
	switch e.VR {
	case "SQ", "UI", "US", "SS", "UL", "SL", "FL", "FD", "AT", "OW", "OB":
		return true
	case "CS":
		if e.Tag == tagImageType {
			return true
		}
		return all(s.TextOf(e), profile.Term)
	case "DS", "IS":
		return all(s.TextOf(e), func(v string) bool { return v == "" || decimal.MatchString(v) })
	}
	switch e.Tag {
	case tagCodeMeaning:
		return true // replaced by the standard's Code Meaning
	case tagCodeValue, tagCodingScheme, 0x00080103, 0x00080119, 0x00080120:
		return profile.Meaning(concept(s)) != ""
	}
	return r.approved(s, e)
}

var decimal = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$`)

func all(values []string, ok func(string) bool) bool {
	for _, v := range values {
		if !ok(v) {
			return false
		}
	}
	return true
}

// finish sets attributes that depend on the whole object.
func (r *run) finish(o *object.Object) {
	if retains(r.d.Retain, profile.Patient) && r.Result.Object.Find(tagPatientAge) == nil {
		if age := ageAt(o.First(tagPatientBirth), o.First(tagStudyDate)); age != "" {
			r.Result.Object.PutText(tagPatientAge, "AS", age)
		}
	}
	if !r.kind.Picture && r.Result.Object.Find(tagContent) != nil {
		r.applied(profile.Structured)
	}
}

func retains(options []profile.Option, o profile.Option) bool {
	for _, have := range options {
		if have == o {
			return true
		}
	}
	return false
}

// ageAt returns an age in years; all ages over 89 get one value (45 CFR 164.514(b)(2)(i)(C)).
func ageAt(birth, study string) string {
	b, err1 := time.Parse("20060102", birth)
	s, err2 := time.Parse("20060102", study)
	if err1 != nil || err2 != nil || s.Before(b) {
		return ""
	}
	years := s.Year() - b.Year()
	if s.Month() < b.Month() || s.Month() == b.Month() && s.Day() < b.Day() {
		years--
	}
	return capAge(pad3(years) + "Y")
}

func pad3(n int) string { return strings.Repeat("0", max(0, 3-len(strconv.Itoa(n)))) + strconv.Itoa(n) }

func capAge(age string) string {
	n, err := strconv.Atoi(strings.TrimRight(age, "DWMY"))
	switch {
	case err != nil || len(age) != 4:
		return ""
	case strings.HasSuffix(age, "Y") && n > 89, strings.HasSuffix(age, "M") && n > 89*12+11:
		return "090Y"
	}
	return age
}
