// Package leak looks for the values of original DICOM objects in every byte of
// what was made of them: DICOM, PNG and TIFF files, tables, texts and file names.
// It knows nothing of how they were de-identified, so that it judges that, and the
// output of other programs as well.
//
// A value is looked for as text in several encodings and spellings, whole and by
// its words. Two kinds are compared with the same attribute of the parsed output
// instead: values of fewer than four characters, and those that occur in DICOM's
// own vocabulary (names of attributes, defined terms, meanings of codes, plain
// numbers of up to five characters, times and ages), which stand in every object.
// In pixel data only hits of eight bytes or more count, and none of a value that is
// one character over and over, which is as short as one character. What lies wholly inside a
// pseudonym, UID or digest that the export made itself is no hit.
package leak

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/part10"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/profile"
)

// Hit is a value of an original found in the output. It does not hold the value.
type Hit struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"` // bytes from the start of the file; −1 in its name
	// Attribute is what the value is in the original.
	Attribute string `json:"attribute"`
	How       string `json:"how"`
}

func (h Hit) String() string {
	return fmt.Sprintf("%s at byte %d: %s of an original (%s)", h.File, h.Offset, h.Attribute, h.How)
}

// Originals collects what must not be found. It may be used concurrently.
type Originals struct {
	mu       sync.Mutex
	patterns map[string]about               // by their bytes, in lower case (ASCII)
	compared map[part10.Tag]map[string]bool // attribute: values
	own      map[string]bool
}

// about says what a pattern is.
type about struct {
	attribute string
	weight    int  // of the value as UTF-8
	uniform   bool // the value is one character over and over
}

// Count is the number of spellings that are looked for.
func (o *Originals) Count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.patterns)
}

// Own says that the export made a token itself: a pseudonym, a UID or a digest.
func (o *Originals) Own(tokens ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.own == nil {
		o.own = map[string]bool{}
	}
	for _, t := range tokens {
		o.own[t] = true
	}
}

// Name adds the words of a file, folder or host name.
func (o *Originals) Name(what, name string) {
	o.add(deidentify.Original{Keyword: what, VR: "LO", Text: name})
	for _, word := range words(name) {
		o.add(deidentify.Original{Keyword: what, VR: "LO", Text: word})
	}
}

// Add adds the values of an object.
func (o *Originals) Add(values []deidentify.Original) {
	for _, v := range values {
		o.value(v)
	}
}

func (o *Originals) value(v deidentify.Original) {
	switch v.VR {
	case "US", "SS", "UL", "SL", "FL", "FD", "AT", "OV", "SV", "UV":
		return // numbers of the machine, not text
	case "OB", "OW", "OF", "OD", "OL", "UN":
		for _, run := range printable.FindAll(v.Raw[:min(len(v.Raw), 1<<16)], 64) {
			v.VR, v.Text, v.Raw = "LO", strings.TrimSpace(string(run)), nil
			o.add(v)
		}
		return
	case "DA", "DT":
		o.dates(v)
	case "PN", "LO", "SH", "ST", "LT", "UT", "UC", "UR":
		for _, word := range words(v.Text) {
			part := v
			part.Text, part.Raw = word, nil
			o.add(part)
		}
	}
	o.add(v)
}

// printable are the texts inside a value of bytes.
var printable = regexp.MustCompile(`[ -~]{6,}`)

// words are the parts of a name or text.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' && r < 0xC0
	})
}

// add looks for v from now on, or compares it.
func (o *Originals) add(v deidentify.Original) {
	text := strings.TrimSpace(v.Text)
	if text == "" || v.VR == "UI" && strings.HasPrefix(text, "1.2.840.10008.") { // PS3.6 Annex A: the standard's own UIDs
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if common(v.VR, text) {
		o.compare(v.Tag, text)
		return
	}
	if o.patterns == nil {
		o.patterns = map[string]about{}
	}
	for _, form := range spellings(text, v.Raw) {
		if _, known := o.patterns[form]; !known && len(form) >= 4 {
			o.patterns[form] = about{v.Keyword, min(len(form), len(text)), uniform(text)}
		}
	}
}

func uniform(text string) bool {
	first, _ := utf8.DecodeRuneInString(text)
	return strings.Trim(strings.ToLower(text), strings.ToLower(string(first))) == ""
}

// compare has a value compared with the same attribute, unless a de-identified
// object keeps that attribute by rule.
func (o *Originals) compare(t part10.Tag, text string) {
	if t == 0 || profile.Find(t) == nil && profile.TrainingSet(t) {
		return
	}
	if o.compared == nil {
		o.compared = map[part10.Tag]map[string]bool{}
	}
	if o.compared[t] == nil {
		o.compared[t] = map[string]bool{}
	}
	o.compared[t][strings.ToLower(text)] = true
}

// common tells whether a value is too short to be looked for, or a word of DICOM.
func common(vr, text string) bool {
	if utf8.RuneCountInString(text) < 4 && len(text) < 6 {
		return true
	}
	switch vr {
	case "TM":
		return len(text) <= 6
	case "AS":
		return len(text) == 4
	case "UI", "DA", "DT":
		return false
	}
	return len(text) <= 5 && number.MatchString(text) || strings.Contains(vocabulary(), strings.ToLower(text))
}

var number = regexp.MustCompile(`^[+-]?\d*\.?\d+$`)

// vocabulary is DICOM's own: PS3.6 names and keywords, defined terms, meanings of
// PS3.16, the codes of methods and what an export says of itself, in lower case.
var vocabulary = sync.OnceValue(func() string {
	var b strings.Builder
	line := func(s string) { b.WriteString(strings.ToLower(s) + "\n") }
	for _, r := range profile.Rows() {
		line(r.Keyword)
		if info, err := tag.FindByKeyword(r.Keyword); err == nil {
			line(info.Name)
		}
	}
	profile.Keywords(line)
	profile.Meanings(line)
	profile.Terms(line)
	for _, s := range append(own[:len(own):len(own)], profile.Labels...) {
		line(s)
	}
	return b.String()
})

// own are the words of this program in what it writes.
var own = []string{"deidentified", "dicomnode", "dicomnode_1", "ps3.15 " + profile.Edition, "unlisted concept", "urn:deidentified"}

// Vocabulary adds a text that the program writes in every export, such as that of
// its README: its words say nothing of an original. It is for the init of the
// package that owns the text.
func Vocabulary(text string) { own = append(own, text) }
