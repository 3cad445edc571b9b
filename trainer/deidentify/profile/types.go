package profile

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

//go:embed types.csv
var typesCSV string

//go:embed codes.csv
var codesCSV string

// Kind is a kind of information object that can be de-identified.
type Kind struct {
	Name    string // as in types.csv
	Picture bool   // it has pixels
	// Screen says that it is a copy of a screen or film, which is likely to contain text.
	Screen bool
}

// Supported are the storage SOP classes (PS3.4 B.5) that can be de-identified. Objects of other
// classes are refused, because the meaning of their attributes is not known here.
var Supported = map[string]Kind{
	uid.ComputedRadiographyImageStorage:                   {Name: "CR", Picture: true},
	uid.DigitalXRayImageStorageForPresentation:            {Name: "DX", Picture: true},
	uid.DigitalXRayImageStorageForProcessing:              {Name: "DX", Picture: true},
	uid.DigitalMammographyXRayImageStorageForPresentation: {Name: "MG", Picture: true},
	uid.DigitalMammographyXRayImageStorageForProcessing:   {Name: "MG", Picture: true},
	"1.2.840.10008.5.1.4.1.1.1.3":                         {Name: "IO", Picture: true}, // Digital Intra-Oral X-Ray, for presentation
	"1.2.840.10008.5.1.4.1.1.1.3.1":                       {Name: "IO", Picture: true}, // Digital Intra-Oral X-Ray, for processing
	uid.SecondaryCaptureImageStorage:                      {Name: "SC", Picture: true, Screen: true},
	"1.2.840.10008.5.1.4.1.1.7.2":                         {Name: "SC8", Picture: true, Screen: true},  // Multi-frame Grayscale Byte Secondary Capture
	"1.2.840.10008.5.1.4.1.1.7.3":                         {Name: "SC16", Picture: true, Screen: true}, // Multi-frame Grayscale Word Secondary Capture
	uid.XRayAngiographicImageStorage:                      {Name: "XA", Picture: true},
	uid.XRayRadiofluoroscopicImageStorage:                 {Name: "XA", Picture: true},
	uid.SegmentationStorage:                               {Name: "SEG"},
	"1.2.840.10008.5.1.4.1.1.88.11":                       {Name: "SR11"}, // Basic Text SR
	"1.2.840.10008.5.1.4.1.1.88.22":                       {Name: "SR22"}, // Enhanced SR
	uid.ComprehensiveSRStorage:                            {Name: "SR33"},
	"1.2.840.10008.5.1.4.1.1.88.34":                       {Name: "SR34"}, // Comprehensive 3D SR
}

// Type returns the attribute type (PS3.5 7.4) of t in an object: "1", "1C", "2", "2C" or "3".
// The suffix U says that only a user-optional module requires it. "" means that the object does
// not define t or, inside a sequence, does not require it. "?" is returned inside sequences
// that types.csv does not describe. path contains the tags of the enclosing sequences.
func (k Kind) Type(path []part10.Tag, t part10.Tag) string {
	all := types()
	if len(path) == 0 {
		return all[typeKey{k.Name, "", t}]
	}
	p := pathOf(path)
	if found, ok := all[typeKey{"*", p, t}]; ok || all[typeKey{"*", p, 0}] != "" {
		return found
	}
	return "?"
}

type typeKey struct {
	object, path string
	tag          part10.Tag
}

func pathOf(path []part10.Tag) string {
	var b strings.Builder
	for i, t := range path {
		if i > 0 && path[i-1] == t { // items of a content tree contain items of the same kind
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('/')
		}
		fmt.Fprintf(&b, "%08X", uint32(t))
	}
	return b.String()
}

var types = sync.OnceValue(func() map[typeKey]string {
	out := map[typeKey]string{}
	for _, r := range records(typesCSV) {
		t, _ := strconv.ParseUint(r[2], 16, 32) // a test parses every row
		out[typeKey{r[0], r[1], part10.Tag(t)}] = r[3]
		out[typeKey{r[0], r[1], 0}] = "listed"
	}
	return out
})

// Coded reports whether the items of a sequence are coded concepts (PS3.3 8.8).
func Coded(t part10.Tag) bool {
	info, err := tag.Find(tag.Tag{Group: uint16(t >> 16), Element: uint16(t)})
	return err == nil && (strings.HasSuffix(info.Keyword, "CodeSequence") || strings.HasPrefix(info.Keyword, "AnatomicRegion") ||
		strings.HasPrefix(info.Keyword, "PrimaryAnatomicStructure"))
}

// Concept is a code with its scheme (PS3.3 8.8).
type Concept struct{ Scheme, Value string }

// Meaning returns the standard's Code Meaning of a concept, "" if the concept is not listed.
func Meaning(c Concept) string { return meanings()[c] }

var meanings = sync.OnceValue(func() map[Concept]string {
	out := map[Concept]string{}
	for _, r := range records(codesCSV) {
		out[Concept{r[0], r[1]}] = r[2]
	}
	return out
})

// Meanings calls f with the Code Meaning of every listed concept.
func Meanings(f func(string)) {
	for _, m := range meanings() {
		f(m)
	}
}

// records returns the rows of an embedded table, without its header.
func records(text string) [][]string {
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) == 0 {
		panic("profile: embedded table is damaged") // cannot happen: a test parses them all
	}
	return rows[1:]
}
