package scp_test

import (
	"slices"
)

// framings are ways to send the same messages (PS3.8 9.3.1, E.1). All must get the same
// answers.
var framings = map[string]func(stream) stream{
	"as recorded":           func(s stream) stream { return s },
	"all PDVs in one PDU":   func(s stream) stream { return reframed(s, func(vs []pdv) [][]pdv { return [][]pdv{vs} }) },
	"a PDV in each PDU":     func(s stream) stream { return reframed(s, alone) },
	"PDVs of 7 bytes":       func(s stream) stream { return reframed(s, func(vs []pdv) [][]pdv { return alone(cut(vs, 7)) }) },
	"PDVs of 1 byte":        func(s stream) stream { return reframed(s, func(vs []pdv) [][]pdv { return [][]pdv{cut(vs, 1)} }) },
	"three PDVs in a PDU":   func(s stream) stream { return reframed(s, inThrees) },
	"empty PDVs in between": func(s stream) stream { return reframed(s, func(vs []pdv) [][]pdv { return [][]pdv{empties(vs)} }) },
}

// reframed joins the PDVs of consecutive P-DATA-TF PDUs and distributes them again with share.
func reframed(s stream, share func([]pdv) [][]pdv) (out stream) {
	var pending []pdv
	flush := func() {
		for _, vs := range share(pending) {
			if len(vs) > 0 {
				out = append(out, pData(vs...))
			}
		}
		pending = nil
	}
	for _, pdu := range s {
		if pdu[0] == 4 {
			pending = append(pending, values(pdu)...)
			continue
		}
		flush()
		out = append(out, pdu)
	}
	flush()
	return out
}

func alone(vs []pdv) (out [][]pdv) {
	for _, v := range vs {
		out = append(out, []pdv{v})
	}
	return out
}

func inThrees(vs []pdv) [][]pdv { return slices.Collect(slices.Chunk(cut(vs, 33), 3)) }

// cut divides PDVs into fragments of n bytes; only the last keeps the flag "last".
func cut(vs []pdv, n int) (out []pdv) {
	for _, v := range vs {
		data := v.data
		for len(data) > n {
			out, data = append(out, pdv{v.context, v.control &^ 2, data[:n]}), data[n:]
		}
		out = append(out, pdv{v.context, v.control, data})
	}
	return out
}

// empties adds a fragment without data before each, and an empty one with the flag "last" at
// the end.
func empties(vs []pdv) (out []pdv) {
	for _, v := range vs {
		out = append(out, pdv{v.context, v.control &^ 2, nil}, pdv{v.context, v.control &^ 2, v.data}, pdv{v.context, v.control, nil})
	}
	return out
}
