package sr

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
)

// maxDepth bounds the tree that Print follows. PS3.3 sets no limit; templates
// use fewer than ten levels.
const maxDepth = 32

// ErrNoReport is a data set without a structured report's content tree.
var ErrNoReport = errors.New("data set is no structured report")

// Print writes the content tree of any structured report (PS3.3 C.17.3) as
// indented text: a line for each content item, with its concept and value. It
// prints nothing of the patient's module. What it cannot show it names by its
// value type.
func Print(w io.Writer, s iod.Source) error {
	if s.String(tag.ValueType) != "CONTAINER" {
		return fmt.Errorf("print structured report: %w", ErrNoReport)
	}
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, meaning(s, tag.ConceptNameCodeSequence, "structured report"))
	fmt.Fprintln(out, "  "+heading(s))
	printItems(out, s, 1)
	return out.Flush()
}

// heading says who made the report, when, and what it is worth.
func heading(s iod.Source) string {
	var parts []string
	for _, t := range []tag.Tag{tag.Manufacturer, tag.ManufacturerModelName, tag.SoftwareVersions} {
		if v := s.String(t); v != "" {
			parts = append(parts, printable(v))
		}
	}
	by := strings.Join(parts, " ")
	flags := []string{s.String(tag.CompletionFlag), s.String(tag.VerificationFlag), s.String(tag.PreliminaryFlag)}
	status := strings.ToLower(strings.Join(compact(flags), ", "))
	return strings.Join(compact([]string{
		strings.TrimSpace(day(s.String(tag.ContentDate)) + " " + clock(s.String(tag.ContentTime))), by, printable(status),
	}), "; ")
}

func compact(values []string) []string {
	var out []string
	for _, v := range values {
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}

// day turns a DA into 2026-01-02, and clock a TM into 03:04:05; other values are
// left as they are.
func day(v string) string {
	if len(v) != 8 {
		return printable(v)
	}
	return printable(v[:4] + "-" + v[4:6] + "-" + v[6:])
}

func clock(v string) string {
	if len(v) < 6 {
		return printable(v)
	}
	return printable(v[:2] + ":" + v[2:4] + ":" + v[4:6])
}

func printItems(w io.Writer, s iod.Source, depth int) {
	indent := strings.Repeat("  ", depth)
	if depth > maxDepth {
		fmt.Fprintln(w, indent+"(deeper content is not shown)")
		return
	}
	for _, item := range s.Items(tag.ContentSequence) {
		line := meaning(item, tag.ConceptNameCodeSequence, "")
		if v := value(item); v != "" {
			line = strings.TrimPrefix(line+": "+v, ": ")
		}
		fmt.Fprintln(w, indent+line)
		printItems(w, item, depth+1)
	}
}

// value is a content item's value by its value type (PS3.3 Table C.17.3-7).
func value(item iod.Source) string {
	switch kind := item.String(tag.ValueType); kind {
	case "CONTAINER":
		return ""
	case "CODE":
		return meaning(item, tag.ConceptCodeSequence, "no code")
	case "NUM":
		return measured(item)
	case "IMAGE", "COMPOSITE", "WAVEFORM":
		return referenced(item)
	default:
		t, known := plainValues[kind]
		if !known {
			return "(" + printable(kind) + ")"
		}
		return printable(strings.Join(item.Strings(t), `\`))
	}
}

// plainValues are the value types whose value is one attribute.
var plainValues = map[string]tag.Tag{
	"TEXT": tag.TextValue, "UIDREF": tag.UID, "PNAME": tag.PersonName, "DATE": tag.Date,
	"TIME": tag.Time, "DATETIME": tag.DateTime,
}

func measured(item iod.Source) string {
	values := item.Items(tag.MeasuredValueSequence)
	if len(values) == 0 {
		return "no value"
	}
	unit := meaning(values[0], tag.MeasurementUnitsCodeSequence, "")
	if unit == "no units" {
		unit = ""
	}
	return strings.TrimSpace(printable(values[0].String(tag.NumericValue)) + " " + unit)
}

func referenced(item iod.Source) string {
	refs := item.Items(tag.ReferencedSOPSequence)
	if len(refs) == 0 {
		return "no reference"
	}
	out := printable(refs[0].String(tag.ReferencedSOPInstanceUID))
	if frames := refs[0].Strings(tag.ReferencedFrameNumber); len(frames) > 0 {
		out += " frame " + printable(strings.Join(frames, ", "))
	}
	return out
}

// meaning is the Code Meaning of the first item of a code sequence, with its
// value where the meaning is missing.
func meaning(s iod.Source, t tag.Tag, otherwise string) string {
	items := s.Items(t)
	if len(items) == 0 {
		return otherwise
	}
	if m := items[0].String(tag.CodeMeaning); m != "" {
		return printable(m)
	}
	return printable(items[0].String(tag.CodeValue))
}

// printable replaces control characters, which could drive a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}
