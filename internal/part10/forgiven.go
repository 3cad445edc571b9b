package part10

import (
	"fmt"
	"strings"
)

// A Fault is something wrong with an encoded data set that does not keep it
// from being read. docs/decisions/0016-one-reader.md has the reasons.
type Fault uint8

// The faults that are forgiven, by the receiver and the decoder alike.
const (
	UnknownVR        Fault = iota // not one of PS3.5 6.2
	BlankVR                       // spaces, zeros, question marks, lower case
	OtherEncoding                 // not the encoding of the transfer syntax
	StrayDelimiter                // a delimiter that closes nothing
	OutOfOrder                    // tags do not ascend (PS3.5 7.1)
	Repeated                      // occurs again; the first counts
	LongValue                     // longer than its VR allows; its beginning is taken
	PixelVR                       // describes the pixels in another VR than US
	TrailingZeros                 // zeros behind the data set
	DeflateTrailer                // bytes behind the deflated data set
	ZlibHeader                    // RFC 1950 around the deflated data set
	MetaElement                   // of group 0002, which belongs before the data set
	faultsOfReceipt               // those above are seen by Scan, those below by Read only
	NoPrefix                      // no preamble and DICM prefix (PS3.10 7.1)
	NoTransferSyntax              // no Transfer Syntax UID; judged by the bytes
	NotItems                      // a sequence by PS3.6 whose value has no items
	NotSuited                     // length of the value does not suit its VR; not read
	TooLarge                      // before Pixel Data and longer than any attribute used; not read
	Characters                    // bytes not of the character set declared; judged by the bytes
	Undecodable                   // text that nothing decodes; all text stays as it is
	NoBitsStored                  // taken for Bits Allocated
	LowHighBit                    // High Bit below Bits Stored - 1; the bits from 0 up are taken
	NoFrames                      // Number of Frames 0, taken for 1
	faults
)

// words say a fault to an administrator. None quotes a value.
var words = [faults]string{
	UnknownVR:        "unknown value representation",
	BlankVR:          "no value representation",
	OtherEncoding:    "encoded otherwise than the transfer syntax says",
	StrayDelimiter:   "delimiter that closes nothing",
	OutOfOrder:       "tags not in ascending order",
	Repeated:         "occurs again, the first counts",
	LongValue:        "value longer than its representation allows",
	PixelVR:          "value representation is not US",
	TrailingZeros:    "zeros behind the data set",
	DeflateTrailer:   "bytes behind the deflated data set",
	ZlibHeader:       "zlib header before the deflated data set",
	MetaElement:      "file meta information inside the data set, left out",
	NoPrefix:         "no DICM prefix",
	NoTransferSyntax: "no transfer syntax, judged by the bytes",
	NotItems:         "value of a sequence without items, left out",
	NotSuited:        "length does not suit the value representation, left out",
	TooLarge:         "value too large, left out",
	Characters:       "bytes do not suit the Specific Character Set, judged by the bytes",
	NoBitsStored:     "absent, Bits Allocated is taken",
	LowHighBit:       "less than Bits Stored - 1, which is taken",
	NoFrames:         "0, 1 is taken",
	Undecodable:      "text that no character set decodes, passed on as it is",
}

// String says the fault in words.
func (f Fault) String() string {
	if f < faults {
		return words[f]
	}
	return fmt.Sprintf("fault %d", uint8(f))
}

// Forgiven are the faults a reader passed over, each with the first element
// that has it (0 where there is none). The zero value is a data set without
// faults. It can be compared, holds no value of the data set and does not grow.
type Forgiven struct {
	set uint32
	at  [faults]Tag
}

// Add notes a fault of the element t, unless there is one of its kind already.
func (f *Forgiven) Add(fault Fault, t Tag) { f.add(fault, t) }

func (f *Forgiven) add(fault Fault, t Tag) {
	if f.set>>fault&1 == 0 {
		f.set |= 1 << fault
		f.at[fault] = t
	}
}

// join adds what other has.
func (f *Forgiven) join(other Forgiven) {
	for fault := range faults {
		if other.Has(fault) {
			f.add(fault, other.at[fault])
		}
	}
}

// Has reports whether the fault was passed over.
func (f Forgiven) Has(fault Fault) bool { return f.set>>fault&1 == 1 }

// Equal reports whether both are the same faults of the same elements.
func (f Forgiven) Equal(other Forgiven) bool { return f == other }

// Any reports whether anything was passed over.
func (f Forgiven) Any() bool { return f.set != 0 }

// String lists the faults for a log: "(0010,0010) PatientName: occurs again,
// the first counts; zeros behind the data set".
func (f Forgiven) String() string {
	var list []string
	for fault := range faults {
		switch {
		case !f.Has(fault):
		case f.at[fault] == 0:
			list = append(list, fault.String())
		default:
			list = append(list, fmt.Sprintf("%v: %v", f.at[fault], fault))
		}
	}
	return strings.Join(list, "; ")
}
