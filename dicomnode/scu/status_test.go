package scu_test

import (
	"testing"

	"dicomnode/dicomnode/scu"
	"dicomnode/scp"
)

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		status scp.Status
		want   scu.Verdict
	}{
		{0x0000, scu.Stored}, {0xB000, scu.Stored}, {0xB006, scu.Stored}, {0xB007, scu.Stored}, {0x0111, scu.Stored}, {0x0107, scu.Stored},
		{0xA700, scu.Again}, {0xA7FF, scu.Again}, {0x0110, scu.Again}, {0x0213, scu.Again}, {0x0124, scu.Again},
		{0xA900, scu.Refused}, {0xA9FF, scu.Refused}, {0xC000, scu.MaybeTemporary}, {0xCFFF, scu.MaybeTemporary}, {0x0105, scu.MaybeTemporary}, {0x0210, scu.MaybeTemporary}, {0x0122, scu.Refused}, {0x0117, scu.Refused}, {0xA800, scu.Refused},
	} {
		got, err := scu.Judge(c.status)
		if (err == nil) != (got == scu.Stored) {
			t.Errorf("status %04X: verdict %d with %v", uint16(c.status), got, err)
		}
		if got != c.want {
			t.Errorf("status %04X: verdict %d (%v), want %d", uint16(c.status), got, err, c.want)
		}
	}
}
