package ct

import (
	"strings"
	"testing"
)

// What bone encloses is filled, through gaps of 8 mm too; an open arch, the space of a joint and
// what is as large as a brain are not.
func TestMarrow(t *testing.T) {
	for name, c := range map[string]struct {
		rows string
		want int // pixels of marrow of 2×2 mm
	}{
		"ring":         {"......... .BBBBBBB. .B.....B. .B.....B. .B.....B. .B.....B. .BBBBBBB. .........", 20},
		"ring, gap":    {"......... .BBB.BBB. .B.....B. .B.....B. .B.....B. .B.....B. .BBBBBBB. .........", 20},
		"joint":        {"......... .BBBBBBB. .BBBBBBB. ......... .BBBBBBB. .BBBBBBB. .........", 0},
		"arch":         {"........... .BBBBBBBBB. .B.......B. .B.......B. .B.......B. .B.......B. .B.......B. .B.......B. ...........", 0},
		"nothing":      {"... ... ...", 0},
		"touches side": {"BBBBBBBBB B.......B B.......B B.......B B.......B B.......B B.......B", 0},
	} {
		rows := strings.Fields(c.rows)
		l := layer{len(rows[0]), len(rows), nil}
		for _, r := range strings.Join(rows, "") {
			l.in = append(l.in, r == 'B')
		}
		n := 0
		for _, in := range l.marrow(2, 2).in {
			if in {
				n++
			}
		}
		if n != c.want {
			t.Errorf("%s: %d pixels of marrow, want %d", name, n, c.want)
		}
	}
	const side = 100 // a ring around 36 cm²
	skull := layer{side, side, make([]bool, side*side)}
	for i := range skull.in {
		x, y := i%side, i/side
		skull.in[i] = min(x, y) == 20 || max(x, y) == 80
		skull.in[i] = skull.in[i] && min(x, y) >= 20 && max(x, y) <= 80
	}
	for _, in := range skull.marrow(1, 1).in {
		if in {
			t.Fatal("the inside of a skull is marrow")
		}
	}
}
