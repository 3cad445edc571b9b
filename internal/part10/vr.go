package part10

import (
	"github.com/suyashkumar/dicom/pkg/tag"
)

// representation describes the encoding of a VR.
type representation struct {
	long  bool // two reserved bytes and a 32-bit length (PS3.5 Table 7.1-1)
	width int  // bytes of one number, which the byte order reverses; 1 for text and bytes
	text  bool // Specific Character Set applies (PS3.5 6.1.2.2)
	one   bool // a single value, in which a backslash is an ordinary character (PS3.5 6.2)
}

// representations is PS3.5 Table 6.2-1 with Tables 7.1-1 and 7.1-2. It is the only list of VRs;
// package iod uses it too.
var representations = map[string]representation{
	"AE": {width: 1}, "AS": {width: 1}, "CS": {width: 1}, "DA": {width: 1}, "DS": {width: 1},
	"DT": {width: 1}, "IS": {width: 1}, "TM": {width: 1}, "UI": {width: 1},
	"LO": {width: 1, text: true}, "PN": {width: 1, text: true}, "SH": {width: 1, text: true},
	"LT": {width: 1, text: true, one: true}, "ST": {width: 1, text: true, one: true},
	"UC": {width: 1, text: true, long: true}, "UT": {width: 1, text: true, one: true, long: true},
	"UR": {width: 1, long: true},
	"AT": {width: 2}, "SS": {width: 2}, "US": {width: 2},
	"FL": {width: 4}, "SL": {width: 4}, "UL": {width: 4}, "FD": {width: 8},
	"OB": {width: 1, long: true}, "OW": {width: 2, long: true}, "OF": {width: 4, long: true},
	"OL": {width: 4, long: true}, "OD": {width: 8, long: true}, "OV": {width: 8, long: true},
	"SV": {width: 8, long: true}, "UV": {width: 8, long: true},
	"SQ": {width: 1, long: true}, "UN": {width: 1, long: true},
}

// LongForm reports whether elements of the VR have two reserved bytes and a 32-bit length
// before their value (PS3.5 Table 7.1-1).
func LongForm(vr string) bool { return representations[vr].long }

// Width returns the size in bytes of one number of the VR, which the byte order reverses (PS3.5
// 7.3); 1 for text and bytes.
func Width(vr string) int { return max(1, representations[vr].width) }

// IsText reports whether Specific Character Set applies to the VR (PS3.5 6.1.2.2).
func IsText(vr string) bool { return representations[vr].text }

// dictionary returns the VR of t in PS3.6 for a value of length bytes, "" for attributes that it
// does not list: private and retired ones. Of several VRs it is the first whose length field
// holds the length: a look-up table, "US or OW", of more than 65,534 bytes is OW (PS3.5 7.1.2).
func dictionary(t Tag, length uint32) string {
	if t == tagPixelData {
		return "OW"
	}
	info, err := tag.Find(tag.Tag{Group: t.group(), Element: uint16(t)})
	if err != nil || len(info.VRs) == 0 {
		return ""
	}
	for _, vr := range info.VRs {
		if length <= maxShort || LongForm(vr) {
			return vr
		}
	}
	return info.VRs[0]
}

// maxShort is the greatest even number that a length of 16 bits holds.
const maxShort = 0xFFFE

// vrString returns the VR in b, without an allocation for known VRs.
func vrString(b [2]byte) string {
	if vr, ok := vrNames[b]; ok {
		return vr
	}
	return string(b[:])
}

// upperCase converts ASCII letters in b to upper case. bytes.ToUpper would read them as UTF-8
// and could return one or three bytes.
func upperCase(b []byte) [2]byte {
	vr := [2]byte(b)
	for i, c := range vr {
		if 'a' <= c && c <= 'z' {
			vr[i] = c - 'a' + 'A'
		}
	}
	return vr
}

var vrNames = func() map[[2]byte]string {
	names := make(map[[2]byte]string, len(representations))
	for vr := range representations {
		names[[2]byte([]byte(vr))] = vr
	}
	return names
}()
