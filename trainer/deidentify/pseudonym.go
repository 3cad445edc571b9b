package deidentify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"strings"

	"dicomnode/internal/part10"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
)

// Key turns identifiers into pseudonyms. Equal identifiers get equal pseudonyms. Without the
// key they can neither be reversed nor found by trying identifiers, an export cannot be
// extended, and patients cannot be re-identified.
type Key [32]byte

// mac returns the HMAC-SHA-256 of the parts with key k. role separates different kinds of
// identifiers.
func (k Key) mac(role string, parts ...string) []byte {
	h := hmac.New(sha256.New, k[:])
	h.Write([]byte(role))
	for _, p := range parts {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

// ID returns an identifier in a training set: 16 hexadecimal digits.
func (k Key) ID(role string, parts ...string) string {
	return hex.EncodeToString(k.mac(role, parts...)[:8])
}

// Patient returns the pseudonym of a patient, the same in every study and object.
func (k Key) Patient(patientKey string) string { return k.ID("patient", patientKey) }

// Project returns a hash of the key and a project's name, which does not reveal the key.
func (k Key) Project(name string) string { return hex.EncodeToString(k.mac("project", name)[:16]) }

// maxDays is the greatest number of days by which dates are shifted.
const maxDays = 3650

// days returns the number of days, 1 to maxDays, by which the dates of a patient are moved
// back.
func (k Key) days(patientKey string) int {
	return 1 + int(binary.BigEndian.Uint64(k.mac("days", patientKey))%maxDays)
}

// UID returns the replacement of a UID: "2.25." and the decimal value of a UUID (PS3.5 B.2)
// made from the keyed hash. UIDs of the standard and empty ones are returned unchanged.
func (d *Deidentifier) UID(old string) string {
	if old == "" || strings.HasPrefix(old, wellKnownUIDRoot) || retains(d.Retain, profile.UIDs) {
		return old
	}
	b := d.Key.mac("uid", old)[:16]
	b[6], b[8] = b[6]&0x0F|0x80, b[8]&0x3F|0x80 // RFC 9562 5.8: version 8, custom
	return "2.25." + new(big.Int).SetBytes(b).String()
}

// patientKey returns the identifier of a patient: issuer and Patient ID, trimmed and in upper
// case. If there is no Patient ID, the study identifies the patient.
func (d *Deidentifier) patientKey(o *object.Object) (key string, missing bool) {
	id := strings.ToUpper(strings.TrimSpace(o.First(tagPatientID)))
	if id == "" {
		return "study\x00" + o.First(part10.Tag(0x0020000D)), true
	}
	if same := d.SameAs[id]; same != "" {
		id = strings.ToUpper(strings.TrimSpace(same))
	}
	if d.IgnoreIssuer {
		return "id\x00" + id, false
	}
	return "id\x00" + strings.ToUpper(strings.TrimSpace(o.First(0x00100021))) + "\x00" + id, false
}
