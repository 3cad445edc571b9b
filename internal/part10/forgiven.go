package part10

import (
	"fmt"
	"strings"
)

// Fault is an error in an encoded data set that does not prevent reading it.
// docs/decisions/0016-one-reader.md has the reasons.
type Fault uint8

// The faults that the receiver and the decoder accept.
const (
	UnknownVR        Fault = iota // not one of PS3.5 6.2
	BlankVR                       // spaces, zeros, question marks, lower case
	OtherEncoding                 // not the encoding of the transfer syntax
	StrayDelimiter                // a delimiter without a sequence or item to close
	OutOfOrder                    // tags do not ascend (PS3.5 7.1)
	Repeated                      // occurs again; the first occurrence is used
	LongValue                     // longer than its VR allows; only its beginning is used
	PixelVR                       // an attribute of the pixels with another VR than US
	TrailingZeros                 // zeros after the data set
	DeflateTrailer                // bytes after the deflated data set
	ZlibHeader                    // RFC 1950 around the deflated data set
	MetaElement                   // of group 0002, which belongs before the data set
	faultsOfReceipt               // Scan reports the faults above, only Read those below
	NoPrefix                      // no preamble and DICM prefix (PS3.10 7.1)
	NoTransferSyntax              // no Transfer Syntax UID; detected from the bytes
	NotItems                      // a sequence in PS3.6 whose value has no items
	NotSuited                     // the length of the value does not match its VR; not read
	TooLarge                      // before Pixel Data and longer than any used attribute; not read
	Characters                    // bytes not in the declared character set; detected from the bytes
	Undecodable                   // text in no known character set; all text is left unconverted
	NoBitsStored                  // Bits Allocated is used instead
	LowHighBit                    // High Bit below Bits Stored - 1; the bits from 0 up are used
	NoFrames                      // Number of Frames 0, read as 1
	faults
)

// words describe the faults to an administrator. They contain no values.
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

// String describes the fault.
func (f Fault) String() string {
	if f < faults {
		return words[f]
	}
	return fmt.Sprintf("fault %d", uint8(f))
}

// Forgiven is the set of faults that a reader accepted, each with the first element that has it
// (0 if there is none). The zero value means no faults. It is comparable, contains no values of
// the data set and has a fixed size.
type Forgiven struct {
	set uint32
	at  [faults]Tag
}

// Add adds a fault of the element t, unless the set already has the fault.
func (f *Forgiven) Add(fault Fault, t Tag) { f.add(fault, t) }

func (f *Forgiven) add(fault Fault, t Tag) {
	if f.set>>fault&1 == 0 {
		f.set |= 1 << fault
		f.at[fault] = t
	}
}

// join adds the faults of other.
func (f *Forgiven) join(other Forgiven) {
	for fault := range faults {
		if other.Has(fault) {
			f.add(fault, other.at[fault])
		}
	}
}

// Has reports whether the set contains the fault.
func (f Forgiven) Has(fault Fault) bool { return f.set>>fault&1 == 1 }

// Equal reports whether both sets have the same faults with the same elements.
func (f Forgiven) Equal(other Forgiven) bool { return f == other }

// Any reports whether the set contains any fault.
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
