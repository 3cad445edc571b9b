package iod

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"dicomnode/internal/part10"
)

// textVR is what PS3.5 Table 6.2-1 says of one character value representation.
type textVR struct {
	limit int  // characters in one value
	free  bool // text with line breaks and backslashes, one value (ST, LT, UT)
	null  bool // padded with NULL instead of space (UI)
	form  *regexp.Regexp
	extra func(string) error
}

var textVRs = map[string]textVR{
	"AE": {limit: 16, form: regexp.MustCompile(`^[\x20-\x5b\x5d-\x7e]*$`)},
	"AS": {limit: 4, form: regexp.MustCompile(`^\d{3}[DWMY]$`)},
	"CS": {limit: 16, form: regexp.MustCompile(`^[A-Z0-9_ ]*$`)},
	"DA": {limit: 8, form: regexp.MustCompile(`^\d{8}$`), extra: checkDate},
	"DS": {limit: 16, form: regexp.MustCompile(`^ *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *$`)},
	"DT": {limit: 26, form: regexp.MustCompile(`^\d{4}(\d\d){0,5}(\.\d{1,6})?([+-]\d{4})?$`)},
	"IS": {limit: 12, form: regexp.MustCompile(`^ *[+-]?\d+ *$`), extra: checkInteger},
	"LO": {limit: 64},
	"LT": {limit: 10240, free: true},
	"PN": {limit: 3*64 + 2, extra: checkPersonName},
	"SH": {limit: 16},
	"ST": {limit: 1024, free: true},
	"TM": {limit: 14, form: regexp.MustCompile(`^([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?$`)},
	"UC": {limit: math.MaxInt32},
	"UI": {limit: 64, null: true, form: regexp.MustCompile(`^(0|[1-9]\d*)(\.(0|[1-9]\d*))*$`)},
	"UR": {limit: math.MaxInt32, free: true},
	"UT": {limit: math.MaxInt32, free: true},
}

// encodeText joins values with backslashes and pads them to an even length
// (PS3.5 6.2, 6.4). Raw ones stand in a character set that nothing decodes. Lenient values need only survive the encoding: no control
// characters, no backslash inside one of several values, a length that fits.
func encodeText(vr string, values []string, lenient, raw bool) ([]byte, error) {
	rule, known := textVRs[vr]
	if !known {
		return nil, fmt.Errorf("encode text as %s", vr)
	}
	if rule.free && len(values) > 1 {
		return nil, fmt.Errorf("set %d values: %s has one", len(values), vr)
	}
	for _, v := range values {
		if err := rule.encodable(v); err != nil && !raw {
			return nil, err
		}
		if err := rule.check(v); err != nil && !lenient {
			return nil, err
		}
	}
	value := []byte(strings.Join(values, `\`))
	if len(value)%2 != 0 {
		value = append(value, rule.padding())
	}
	if !part10.LongForm(vr) && len(value) > math.MaxUint16-1 {
		return nil, fmt.Errorf("encode %d bytes: want at most %d", len(value), math.MaxUint16-1)
	}
	return value, nil
}

func (r textVR) padding() byte {
	if r.null {
		return 0
	}
	return ' '
}

// encodable reports whether v would read back as the same single value.
func (r textVR) encodable(v string) error {
	if !utf8.ValidString(v) {
		return errors.New("encode text: not UTF-8")
	}
	for _, c := range v {
		lineBreak := c == '\t' || c == '\n' || c == '\f' || c == '\r'
		if c == 0x7f || c < 0x20 && !(r.free && lineBreak) {
			return errors.New("encode text: control character")
		}
		if c == '\\' && !r.free {
			return errors.New("encode text: backslash separates values")
		}
	}
	return nil
}

// check applies the length, repertoire and form of the value representation. An
// empty value is allowed.
func (r textVR) check(v string) error {
	if v == "" {
		return nil
	}
	if n := utf8.RuneCountInString(v); n > r.limit {
		return fmt.Errorf("set %d characters: want at most %d", n, r.limit)
	}
	if r.form != nil && !r.form.MatchString(v) {
		return errors.New("set value: not the form its VR asks for")
	}
	if r.extra != nil {
		return r.extra(v)
	}
	return nil
}

func checkDate(v string) error {
	if _, err := time.Parse("20060102", v); err != nil {
		return errors.New("set date: no such day")
	}
	return nil
}

// checkInteger: an IS lies in the range of a signed 32-bit integer.
func checkInteger(v string) error {
	if _, err := strconv.ParseInt(strings.Trim(v, " "), 10, 32); err != nil {
		return errors.New("set integer: outside 32 bits")
	}
	return nil
}

// checkPersonName: up to three component groups of up to 64 characters with up
// to five components each (PS3.5 6.2.1).
func checkPersonName(v string) error {
	groups := strings.Split(v, "=")
	if len(groups) > 3 {
		return fmt.Errorf("set %d component groups: want at most 3", len(groups))
	}
	for _, g := range groups {
		if n := utf8.RuneCountInString(g); n > 64 {
			return fmt.Errorf("set component group of %d characters: want at most 64", n)
		}
		if n := strings.Count(g, "^"); n > 4 {
			return fmt.Errorf("set %d components: want at most 5", n+1)
		}
	}
	return nil
}

// formatDS writes v in at most 16 characters (PS3.5 6.2), as exactly as they allow,
// and without an exponent where they hold all digits.
func formatDS(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	for digits := 16; len(s) > 16 && digits > 0; digits-- {
		s = strconv.FormatFloat(v, 'g', digits, 64)
	}
	return s
}

// encodeInts encodes binary integers, each in the range of its VR.
func encodeInts(vr string, values []int) ([]byte, error) {
	ranges := map[string][2]int{
		"US": {0, math.MaxUint16}, "SS": {math.MinInt16, math.MaxInt16},
		"UL": {0, math.MaxUint32}, "SL": {math.MinInt32, math.MaxInt32},
	}
	limits, known := ranges[vr]
	if !known {
		return nil, fmt.Errorf("encode integers as %s", vr)
	}
	var b []byte
	for _, v := range values {
		if v < limits[0] || v > limits[1] {
			return nil, fmt.Errorf("set %d: outside %s", v, vr)
		}
		if vr == "US" || vr == "SS" {
			b = binary.LittleEndian.AppendUint16(b, uint16(v))
		} else {
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		}
	}
	return b, nil
}

// encodeFloats encodes finite IEEE 754 numbers.
func encodeFloats(vr string, values []float64) ([]byte, error) {
	var b []byte
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errors.New("set number: not finite")
		}
		switch vr {
		case "FD":
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		case "FL":
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		default:
			return nil, fmt.Errorf("encode numbers as %s", vr)
		}
	}
	return b, nil
}
