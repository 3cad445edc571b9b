// Package leak searches every byte of files made from original DICOM objects for values of the
// originals: DICOM, PNG and TIFF files, tables, texts and file names. It does not know how the
// objects were de-identified, so that it can check this program's output and that of others.
//
// It searches for a value as text in several encodings and spellings, as a whole and by its
// words. Two kinds of values are not searched for but compared with the same attribute of the
// parsed output: values of fewer than four characters, and values that occur in DICOM's own
// vocabulary (names of attributes, defined terms, meanings of codes, plain numbers of up to
// five characters, times and ages), which every object contains. In pixel data only hits of
// eight bytes or more count, and no hit of a value that repeats a single character. Text inside
// a pseudonym, UID or hash that the export has made is not a hit.
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

// Hit is a place in the output with a value of an original. It does not contain the value.
type Hit struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"` // bytes from the start of the file; −1 for its name
	// Attribute is the attribute of the value in the original.
	Attribute string `json:"attribute"`
	How       string `json:"how"`
}

func (h Hit) String() string {
	return fmt.Sprintf("%s at byte %d: %s of an original (%s)", h.File, h.Offset, h.Attribute, h.How)
}

// Originals collects values that must not be in the output. It may be used concurrently.
type Originals struct {
	mu       sync.Mutex
	patterns map[string]about               // by pattern, with ASCII letters in lower case
	compared map[part10.Tag]map[string]bool // attribute: values
	own      map[string]bool
}

// about describes a pattern.
type about struct {
	attribute string
	weight    int  // of the value as UTF-8
	uniform   bool // the value repeats a single character
}

// Count returns the number of spellings to search for.
func (o *Originals) Count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.patterns)
}

// Own registers tokens that the export has made: pseudonyms, UIDs and hashes.
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
		return // binary numbers, not text
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

// printable matches texts inside a binary value.
var printable = regexp.MustCompile(`[ -~]{6,}`)

// words returns the words of a name or text.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' && r < 0xC0
	})
}

// add adds v to the values to search for or to compare.
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

// compare adds a value to those that are compared with the same attribute, unless a rule keeps
// that attribute in de-identified objects.
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

// common reports whether a value is too short to search for or belongs to DICOM's vocabulary.
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

// vocabulary returns DICOM's own vocabulary in lower case: names and keywords of PS3.6, defined
// terms, meanings of PS3.16, codes of methods, and what an export writes about itself.
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

// own is text that this program writes.
var own = []string{"deidentified", "dicomnode", "dicomnode_1", "ps3.15 " + profile.Edition, "unlisted concept", "urn:deidentified"}

// Vocabulary adds a text that the program writes in every export, such as its README: its words
// do not come from an original. Call it from an init function of the package that contains the
// text.
func Vocabulary(text string) { own = append(own, text) }
