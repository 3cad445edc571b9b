package codec

import (
	"slices"

	"dicomnode/internal/uid"
)

// Family is a group of transfer syntaxes that one library decodes.
type Family int

// The families, in the order of the enumeration in native/codecs.h.
const (
	JPEG     Family = iota // ITU-T T.81: libjpeg-turbo
	JPEGLS                 // ITU-T T.87: CharLS
	JPEG2000               // ITU-T T.800 and T.814 (HTJ2K): OpenJPEG
	HTJ2K                  // ITU-T T.814 only: OpenJPH, twice as fast as OpenJPEG
)

// Families lists all families.
var Families = []Family{JPEG, JPEGLS, JPEG2000, HTJ2K}

// library is the name of a family's library and of its files.
type library struct {
	family string
	name   string
	files  []string // file names in the folder of the libraries, the fetched one first
}

var libraries = map[Family]library{
	JPEG:     {"JPEG", "libjpeg-turbo", []string{"libjpeg.so", "libjpeg.so.8"}},
	JPEGLS:   {"JPEG-LS", "CharLS", []string{"libcharls.so", "libcharls.so.2"}},
	JPEG2000: {"JPEG 2000", "OpenJPEG", []string{"libopenjp2.so", "libopenjp2.so.7"}},
	HTJ2K:    {"HTJ2K", "OpenJPH", []string{"libopenjph.so"}},
}

// String returns the standard's name of the family.
func (f Family) String() string { return libraries[f].family }

// syntax is a transfer syntax that one or more libraries can decode.
type syntax struct {
	uid      string
	families []Family // families of these libraries, in the order to try them
	lossy    bool
	probe    string // embedded codestream that tests whether a library can decode the transfer syntax
}

var (
	jpeg     = []Family{JPEG}
	jpegLS   = []Family{JPEGLS}
	jpeg2000 = []Family{JPEG2000}
	htj2k    = []Family{HTJ2K, JPEG2000}
)

// syntaxes are in the node's order of preference: lossless ones first.
var syntaxes = []syntax{
	{uid.JPEGLosslessSV1, jpeg, false, "lossless.jpg"},
	{uid.JPEGLossless, jpeg, false, "lossless.jpg"},
	{uid.JPEGLSLossless, jpegLS, false, "lossless.jls"},
	{uid.JPEG2000Lossless, jpeg2000, false, "lossless.j2k"},
	{uid.HTJ2KLossless, htj2k, false, "lossless.jph"},
	{uid.HTJ2KLosslessRPCL, htj2k, false, "lossless.jph"},
	{uid.JPEGBaseline8Bit, jpeg, true, "baseline.jpg"},
	{uid.JPEGExtended12Bit, jpeg, true, "extended.jpg"},
	{uid.JPEGLSNearLossless, jpegLS, true, "near-lossless.jls"},
	{uid.JPEG2000, jpeg2000, true, "lossless.j2k"},
	{uid.HTJ2K, htj2k, true, "lossless.jph"},
}

func syntaxOf(transferSyntax string) (syntax, bool) {
	i := slices.IndexFunc(syntaxes, func(s syntax) bool { return s.uid == transferSyntax })
	if i < 0 {
		return syntax{}, false
	}
	return syntaxes[i], true
}

// All lists the transfer syntaxes of this package in an acceptor's order of preference,
// lossless ones first.
func All() (list []string) {
	for _, s := range syntaxes {
		list = append(list, s.uid)
	}
	return list
}

// Knows reports whether this package decodes the transfer syntax if its library is available.
func Knows(transferSyntax string) bool {
	_, ok := syntaxOf(transferSyntax)
	return ok
}

// Lossy reports whether the transfer syntax is one of this package and may be lossy.
func Lossy(transferSyntax string) bool {
	s, ok := syntaxOf(transferSyntax)
	return ok && s.lossy
}
