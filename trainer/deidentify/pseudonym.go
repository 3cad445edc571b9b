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

// Key turns identifiers into pseudonyms: equal ones into equal ones, and nobody
// without the key can find them or try them out. Without the key an export cannot
// be extended, and who was who is lost.
type Key [32]byte

// mac is HMAC-SHA-256 of the parts under k; role keeps kinds of things apart.
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

// ID is the name of a thing in a training set: 16 hexadecimal digits.
func (k Key) ID(role string, parts ...string) string {
	return hex.EncodeToString(k.mac(role, parts...)[:8])
}

// Patient is the pseudonym of a patient, the same in every study and object.
func (k Key) Patient(patientKey string) string { return k.ID("patient", patientKey) }

// Project is a digest of the key and a project's name: it is the same only for the
// same two, and tells nothing of the key.
func (k Key) Project(name string) string { return hex.EncodeToString(k.mac("project", name)[:16]) }

// maxDays is the longest way that dates are moved.
const maxDays = 3650

// days is by how many whole days the dates of a patient are moved back, 1 to
// maxDays.
func (k Key) days(patientKey string) int {
	return 1 + int(binary.BigEndian.Uint64(k.mac("days", patientKey))%maxDays)
}

// UID replaces a UID: "2.25." and the decimal value of a UUID (PS3.5 B.2) made of
// the keyed digest. UIDs of the standard, and empty ones, stay.
func (d *Deidentifier) UID(old string) string {
	if old == "" || strings.HasPrefix(old, wellKnownUIDRoot) || retains(d.Retain, profile.UIDs) {
		return old
	}
	b := d.Key.mac("uid", old)[:16]
	b[6], b[8] = b[6]&0x0F|0x80, b[8]&0x3F|0x80 // RFC 9562 5.8: version 8, of an application's own making
	return "2.25." + new(big.Int).SetBytes(b).String()
}

// patientKey is what tells patients apart: issuer and Patient ID, trimmed and in
// upper case; without an ID the study stands for the patient.
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
