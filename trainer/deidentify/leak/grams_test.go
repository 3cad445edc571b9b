package leak

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"dicomnode/trainer/deidentify"
)

// The search in strides finds the same as a search at every byte, at all offsets and for any
// case of letters.
func TestLeaping(t *testing.T) {
	var o Originals
	values := []string{"Kanarienvogel", "77123456", "1.2.826.0.1.99", "@[`{~^_-x", "Ab1Cd2Ef", "short", "YYYYYYYYYY"}
	for _, v := range values {
		o.Add([]deidentify.Original{{Tag: 0x00100020, Keyword: v, VR: "SH", Text: v, Raw: []byte(v)}})
	}
	c := o.Checker()
	d := rand.New(rand.NewPCG(3, 4))
	found := 0
	for range 400 {
		b := make([]byte, 40+d.IntN(60))
		for i := range b {
			b[i] = byte(d.IntN(256))
		}
		v := values[d.IntN(len(values))]
		if d.IntN(2) == 0 {
			v = strings.ToUpper(v)
		}
		copy(b[d.IntN(len(b)-len(v)+1):], v)
		var leaping, scanning []int64
		c.search(b, inPixels, func(at int64, _, _ string) { leaping = append(leaping, at) })
		c.scan(b, 0, len(b), inPixels, func(at int64, _, _ string) { scanning = append(scanning, at) })
		if !slices.Equal(leaping, scanning) {
			t.Fatalf("%q: found at %v, looking at every byte finds %v", b, leaping, scanning)
		}
		found += len(leaping)
	}
	if found < 200 {
		t.Errorf("%d values found", found)
	}
	var none Originals
	none.Checker().search(bytes.Repeat([]byte("x"), 100), inPixels, func(int64, string, string) { t.Error("found something of nothing") })
}
