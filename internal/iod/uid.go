package iod

import (
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// namespace separates this program's UIDs from all other version 5 UUIDs. It
// is the version 5 UUID of "dicomnode" in the DNS namespace and must never change: stored objects are recognised by UIDs derived from it.
var namespace = uuid.MustParse("996978d4-5d63-515f-ae04-78774c250a87")

var escapeName = strings.NewReplacer(`\`, `\\`, `|`, `\|`)

// UID derives a UID from a role ("seg", "series", "frame of reference") and the
// things the identified object depends on: "2.25." and the decimal value of the
// version 5 UUID (RFC 9562 5.5) of "role|part|part…" (PS3.5 B.2). It is at most
// 44 characters long. The same arguments always give the same UID, so the
// parts must hold everything that can change the object.
func UID(role string, parts ...string) string {
	name := escapeName.Replace(role)
	for _, p := range parts {
		name += "|" + escapeName.Replace(p)
	}
	id := uuid.NewSHA1(namespace, []byte(name))
	return "2.25." + new(big.Int).SetBytes(id[:]).String()
}

// Namer derives the UIDs of an object from its header, which is d without what is
// derived from it, bulk data and these UIDs. Each covers a role, the parts and every
// attribute, so equal UIDs mean equal headers. The error is d's first violation.
func (d *DataSet) Namer(parts ...string) (func(role string) string, error) {
	digest := sha256.New()
	if err := d.Encode(digest); err != nil {
		return nil, err
	}
	parts = append(slices.Clone(parts), hex.EncodeToString(digest.Sum(nil)))
	return func(role string) string { return UID(role, parts...) }, nil
}

// TrackingUID is the Tracking UID (0062,0021) of a segment, and the Tracking
// Unique Identifier of measurements on it: one per source image and segment
// number, so that a report finds the segment it measures.
func TrackingUID(sourceSOPInstanceUID string, segment int) string {
	return UID("tracking", sourceSOPInstanceUID, strconv.Itoa(segment))
}

// FrameOfReferenceUID is the Frame of Reference UID (0020,0052) given to a
// projection image that has none. It is unique to the image, so that nothing is
// taken to be registered with it.
func FrameOfReferenceUID(sourceSOPInstanceUID string) string {
	return UID("frame of reference", sourceSOPInstanceUID)
}
