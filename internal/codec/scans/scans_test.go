package scans

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

// marker returns a marker segment.
func marker(m byte, content ...byte) []byte {
	return append([]byte{0xFF, m, 0, byte(len(content) + 2)}, content...)
}

// frameHeaderOf returns SOF with components 1, 2, … of the given sampling factors.
func frameHeaderOf(m byte, sampling ...byte) []byte {
	content := []byte{8, 0, 16, 0, 24, byte(len(sampling))}
	for k, s := range sampling {
		content = append(content, byte(k+1), s, byte(k))
	}
	return marker(m, content...)
}

// scanOf returns SOS with components, and data with a restart marker, a stuffed zero and a fill
// byte before the next marker.
func scanOf(ids ...byte) []byte {
	content := []byte{byte(len(ids))}
	for _, id := range ids {
		content = append(content, id, 0)
	}
	data := []byte{ids[0], 0xFF, 0, 0xFF, 0xD0, ids[0], 0xFF}
	return append(marker(sos, append(content, 0, 63, 0)...), data...)
}

func TestComponents(t *testing.T) {
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	soi, end := []byte{0xFF, 0xD8}, []byte{0xFF, 0xD9}
	table, second := marker(dht, 7), marker(0xDB, 9)
	whole := join(soi, table, frameHeaderOf(0xC0, 0x11, 0x11, 0x11), scanOf(2), second, scanOf(1), scanOf(3), end)
	one := func(quantization, id byte) []byte {
		return marker(0xC0, 8, 0, 16, 0, 24, 1, id, 0x11, quantization)
	}
	for _, c := range []struct {
		name string
		code []byte
		want [][]byte
		err  error
	}{
		{"three scans", whole, [][]byte{
			join(soi, table, second, one(0, 1), scanOf(1), end), join(soi, table, one(1, 2), scanOf(2), end), join(soi, table, second, one(2, 3), scanOf(3), end),
		}, nil},
		{"one scan", join(soi, frameHeaderOf(0xC0, 0x11, 0x11, 0x11), scanOf(1, 2, 3), end), nil, nil},
		{"one component", join(soi, frameHeaderOf(0xC2, 0x11), scanOf(1), scanOf(1), end), nil, nil},
		{"subsampled", join(soi, frameHeaderOf(0xC0, 0x21, 0x11, 0x11), scanOf(1), scanOf(2), scanOf(3), end), nil, nil},
		{"progressive", join(soi, frameHeaderOf(0xC2, 0x11, 0x11, 0x11), scanOf(1, 2, 3), scanOf(1), end), nil, ErrProgressive},
		{"two in a scan", join(soi, frameHeaderOf(0xC1, 0x11, 0x11, 0x11), scanOf(1), scanOf(2, 3), end), nil, ErrMixed},
		{"arithmetic", join(soi, frameHeaderOf(0xC9, 0x11, 0x11, 0x11), scanOf(1), scanOf(2), scanOf(3), end), nil, nil},
		{"a component twice", join(soi, frameHeaderOf(0xC0, 0x11, 0x11, 0x11), scanOf(1), scanOf(2), scanOf(2), end), nil, nil},
		{"a component is missing", join(soi, frameHeaderOf(0xC0, 0x11, 0x11, 0x11), scanOf(1), scanOf(2), end), nil, nil},
		{"lines are given later", join(soi, frameHeaderOf(0xC0, 0x11, 0x11), scanOf(1), marker(dnl, 0, 16), scanOf(2), end), nil, nil},
		{"two frames", join(soi, frameHeaderOf(0xC0, 0x11, 0x11), frameHeaderOf(0xC0, 0x11, 0x11), scanOf(1), scanOf(2), end), nil, nil},
		{"no frame", join(soi, scanOf(1), scanOf(2), end), nil, nil},
		{"nothing", nil, nil, nil},
	} {
		got, err := Components(c.code)
		if !errors.Is(err, c.err) || len(got) != len(c.want) {
			t.Errorf("%s: %d codestreams, %v; want %d, %v", c.name, len(got), err, len(c.want), c.err)
			continue
		}
		for k, want := range c.want {
			if have := bytes.Join(got[k], nil); !bytes.Equal(have, want) {
				t.Errorf("%s: component %d is\n% x, want\n% x", c.name, k, have, want)
			}
		}
	}
}

// A codestream that is cut or changed anywhere is taken apart or left to the library.
func TestComponentsOfDamaged(t *testing.T) {
	whole := bytes.Join([][]byte{{0xFF, 0xD8}, frameHeaderOf(0xC0, 0x11, 0x11), scanOf(1), scanOf(2), {0xFF, 0xD9}}, nil)
	check := func(what string, code []byte) {
		parts, _ := Components(code)
		for _, p := range parts {
			if one := bytes.Join(p, nil); len(one) > len(code) || !bytes.HasPrefix(one, []byte{0xFF, 0xD8}) || !bytes.HasSuffix(one, endOfImage) {
				t.Errorf("%s: % x", what, one)
			}
		}
	}
	for at := range whole {
		check(fmt.Sprintf("cut at %d", at), whole[:at])
		for v := range 256 {
			changed := bytes.Clone(whole)
			changed[at] = byte(v)
			check(fmt.Sprintf("%d at %d", v, at), changed)
		}
	}
}
