package codec

import (
	"slices"

	"dicomnode/internal/uid"
)

// Family is a group of transfer syntaxes that one library decodes.
type Family int

// The families. Their order is that of the enumeration in native/codecs.h.
const (
	JPEG     Family = iota // ITU-T T.81: libjpeg-turbo
	JPEGLS                 // ITU-T T.87: CharLS
	JPEG2000               // ITU-T T.800 and T.814 (HTJ2K): OpenJPEG
	HTJ2K                  // ITU-T T.814 alone: OpenJPH, in half of OpenJPEG's time
)

// Families lists all families.
var Families = []Family{JPEG, JPEGLS, JPEG2000, HTJ2K}

// library is what a family's library is called and how its file is named.
type library struct {
	family string
	name   string
	files  []string // file names in the libraries' folder, the fetched one first
}

var libraries = map[Family]library{
	JPEG:     {"JPEG", "libjpeg-turbo", []string{"libjpeg.so", "libjpeg.so.8"}},
	JPEGLS:   {"JPEG-LS", "CharLS", []string{"libcharls.so", "libcharls.so.2"}},
	JPEG2000: {"JPEG 2000", "OpenJPEG", []string{"libopenjp2.so", "libopenjp2.so.7"}},
	HTJ2K:    {"HTJ2K", "OpenJPH", []string{"libopenjph.so"}},
}

// String is the family's name in the standard's words.
func (f Family) String() string { return libraries[f].family }

// syntax is a transfer syntax that the package can decode when one of its libraries can.
type syntax struct {
	uid      string
	families []Family // whose libraries can, the one to try first at the beginning
	lossy    bool
	probe    string // the embedded codestream that shows whether a library can
}

var (
	jpeg     = []Family{JPEG}
	jpegLS   = []Family{JPEGLS}
	jpeg2000 = []Family{JPEG2000}
	htj2k    = []Family{HTJ2K, JPEG2000}
)

// syntaxes are in the order in which the node prefers them: lossless ones first.
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

// All lists the transfer syntaxes of this package in the order in which an acceptor
// prefers them: those that lose nothing first.
func All() (list []string) {
	for _, s := range syntaxes {
		list = append(list, s.uid)
	}
	return list
}

// Knows reports whether it is a transfer syntax of a JPEG family that this package
// decodes where its library is there.
func Knows(transferSyntax string) bool {
	_, ok := syntaxOf(transferSyntax)
	return ok
}

// Lossy reports whether it is a transfer syntax of this package that may not give
// back the samples that were encoded.
func Lossy(transferSyntax string) bool {
	s, ok := syntaxOf(transferSyntax)
	return ok && s.lossy
}
