package profile

import (
	"strconv"
	"strings"
	"sync"
)

// safe are the private attributes of PS3.15 Table E.3.10-1 whose values are numbers: creator,
// group, and the elements of each VR within the block. As note 2 of the table advises, its
// texts, codes and binary values are left out: a person may have typed the text, and binary
// values may contain whole headers and pictures. Its time stamps are left out too.
const safe = `Philips PET Private Group|7053|DS 00 09
ELSCINT1|00E1|DS 21 50
ELSCINT1|01F1|DS 07 26 27
GEMS_ACQU_01|0019|DS 23 24 27
GEMS_PARM_01|0043|IS 39|DS 6F
GEMS_HELIOS_01|0045|SS 01|FL 02
GEMS_SERS_01|0025|SL 07
GEIIS PACS|0903|US 10 11 12
Philips Imaging DD 001|2001|FL 03
Philips MR Imaging DD 001|2005|FL 0D 0E
SIEMENS MR HEADER|0019|IS 0C|FD 0E 27
SIEMENS Ultrasound SC2000|0119|UL 05 06 07 08|SS 09|IS 13
SIEMENS Ultrasound SC2000|0139|SL 01
NQHeader|0099|SS 04|FL 10 21
NQLeft|0199|FL 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 11 12 13 14 15 16
NQRight|0299|FL 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 11 12 13 14 15 16`

// PrivateAttribute identifies a private attribute (PS3.5 7.8.1): the creator that reserved its
// block, its group, and its element within the block.
type PrivateAttribute struct {
	Creator string
	Group   uint16
	Element uint8
}

// SafePrivateVR returns the VR of an attribute that the Retain Safe Private Option (PS3.15
// E.3.10) keeps, "" for any other.
func SafePrivateVR(a PrivateAttribute) string { return safePrivate()[a] }

var safePrivate = sync.OnceValue(func() map[PrivateAttribute]string {
	out := map[PrivateAttribute]string{}
	for line := range strings.SplitSeq(safe, "\n") {
		parts := strings.Split(line, "|")
		group, _ := strconv.ParseUint(parts[1], 16, 16) // a test parses every row
		for _, list := range parts[2:] {
			words := strings.Fields(list)
			for _, w := range words[1:] {
				element, _ := strconv.ParseUint(w, 16, 8)
				out[PrivateAttribute{parts[0], uint16(group), uint8(element)}] = words[0]
			}
		}
	}
	return out
})
