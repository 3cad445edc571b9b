package ul

import "fmt"

// Reject is an A-ASSOCIATE-RJ (PS3.8 9.3.4).
type Reject struct{ Result, Source, Reason byte }

// The rejections of PS3.8 Table 9-21 that this program sends or distinguishes. Their codes are
// defined only here.
var (
	RejectApplicationContext = Reject{permanent, serviceUser, 2}
	RejectCallingAETitle     = Reject{permanent, serviceUser, 3}
	RejectCalledAETitle      = Reject{permanent, serviceUser, 7}
	RejectProtocolVersion    = Reject{permanent, serviceProviderACSE, 2}
	RejectForNow             = Reject{transient, serviceUser, 1} // no reason given
	RejectLocalLimit         = Reject{transient, serviceProviderPresentation, 2}
)

const (
	permanent, transient byte = 1, 2

	serviceUser, serviceProviderACSE, serviceProviderPresentation byte = 1, 2, 3
)

var rejectResults = map[byte]string{permanent: "rejected permanently", transient: "rejected for now"}

var rejectSources = map[byte]string{
	serviceUser:                 "by the service user",
	serviceProviderACSE:         "by the service provider (ACSE)",
	serviceProviderPresentation: "by the service provider (presentation)",
}

var rejectReasons = map[[2]byte]string{
	{serviceUser, 1}:                 "no reason given",
	{serviceUser, 2}:                 "application context name not supported",
	{serviceUser, 3}:                 "calling AE title not recognised",
	{serviceUser, 7}:                 "called AE title not recognised",
	{serviceProviderACSE, 1}:         "no reason given",
	{serviceProviderACSE, 2}:         "protocol version not supported",
	{serviceProviderPresentation, 1}: "temporary congestion",
	{serviceProviderPresentation, 2}: "local limit exceeded",
}

// Known reports whether PS3.8 Table 9-21 lists result, source and reason.
func (r Reject) Known() bool {
	_, result := rejectResults[r.Result]
	_, reason := rejectReasons[[2]byte{r.Source, r.Reason}]
	return result && reason
}

// Transient reports whether a later request may be accepted.
func (r Reject) Transient() bool { return r.Result == transient }

// String returns the rejection in the words of PS3.8 Table 9-21.
func (r Reject) String() string {
	word := func(s string, ok bool, code byte) string {
		if ok {
			return s
		}
		return fmt.Sprintf("(code %d)", code)
	}
	a, okA := rejectResults[r.Result]
	b, okB := rejectSources[r.Source]
	c, okC := rejectReasons[[2]byte{r.Source, r.Reason}]
	return word(a, okA, r.Result) + " " + word(b, okB, r.Source) + ": " + word(c, okC, r.Reason)
}
