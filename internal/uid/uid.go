// Package uid is the home of the names that DICOM gives things on the wire: the
// UIDs of PS3.6 Annex A that this program uses, their names for logs, and the
// rules for a UID (PS3.5 9.1) and an AE title (PS3.5 6.2).
//
// It makes no UIDs (internal/iod derives them) and knows no data set.
package uid

import (
	"errors"
	"fmt"
	"strings"

	standard "github.com/suyashkumar/dicom/pkg/uid"
)

// MaxLength is the longest UID in characters (PS3.5 9.1).
const MaxLength = 64

// Implementation identifies this software in the files it writes (PS3.10 7.1)
// and in the associations it makes (PS3.7 D.3.3.2). The UID is UUID-derived
// (PS3.5 B.2).
const (
	Implementation            = "2.25.87765361514018033200115528658655843004"
	ImplementationVersionName = "DICOMNODE_1"
)

// ApplicationContext is the only application context name of DICOM (PS3.7
// A.2.1).
const ApplicationContext = "1.2.840.10008.3.1.1.1"

// Check reports whether s can be used as a UID and as a key: 1 to 64 characters,
// components of digits joined by dots, none empty (PS3.5 9.1). Leading zeros,
// which the standard forbids, are let through: equipment that makes UIDs of
// dates writes them, and an image is not lost for it. The error does not quote s.
func Check(s string) error {
	if len(s) == 0 || len(s) > MaxLength {
		return fmt.Errorf("UID of %d characters: want 1 to %d", len(s), MaxLength)
	}
	dot := true // a dot here would leave an empty component
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			dot = false
		case c != '.':
			return errors.New("UID with characters other than digits and dots")
		case dot:
			return errEmptyComponent
		default:
			dot = true
		}
	}
	if dot {
		return errEmptyComponent
	}
	return nil
}

var errEmptyComponent = errors.New("UID with an empty component")

// Valid reports whether [Check] finds no fault in s.
func Valid(s string) bool { return Check(s) == nil }

// Name returns the name that PS3.6 gives the UID, or the UID itself when the
// standard does not define it. Well-known UIDs identify no patient, so that the
// name may be logged; what a peer made up is cut to its longest legal length and
// loses all but digits and dots.
func Name(s string) string {
	if name, ok := names[s]; ok {
		return name
	}
	if info, err := standard.Lookup(s); err == nil {
		return info.Name
	}
	return strings.Map(digitOrDot, s[:min(len(s), MaxLength)])
}

func digitOrDot(r rune) rune {
	if r == '.' || r >= '0' && r <= '9' {
		return r
	}
	return '?'
}

// maxAETitle is the longest AE title in bytes (PS3.5 6.2, VR AE).
const maxAETitle = 16

// CheckAETitle reports whether s may be an application entity title: 1 to 16
// characters of the default repertoire, no control characters, no backslash,
// not only spaces (PS3.5 6.2, VR AE). Spaces at either end do not count there;
// they are let through.
func CheckAETitle(s string) error {
	switch {
	case len(s) > maxAETitle:
		return fmt.Errorf("AE title %q has %d characters, at most %d are allowed (PS3.5 6.2)", s[:min(len(s), 64)], len(s), maxAETitle)
	case strings.TrimSpace(s) == "":
		return errors.New("the AE title is empty")
	case !printable(s) || strings.Contains(s, `\`):
		return fmt.Errorf("AE title %q holds a character that PS3.5 6.2 forbids", s)
	}
	return nil
}

func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7E }) < 0
}
