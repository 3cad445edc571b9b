package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
)

// What was forgiven stands in the log: at receipt what the receiver saw, at segmentation what
// the decoder did; the values do not.
func TestFaultsAreLogged(t *testing.T) {
	pacs := nodetest.NewPACS(t)
	n := startNode(t, nodetest.Config(t.TempDir(), pacs.Addr.Host))
	m := dicomtest.DX(60, 50, 100)
	m.HighBit = 9 // of 14 stored
	m.Extra = append(m.Extra, dicomtest.Attribute{Tag: 0x00100010, VR: "PN", Value: "Secret^Name"},
		dicomtest.Attribute{Tag: 0x0020000D, VR: "UI", Value: "1.2.3.4.2"}, dicomtest.Attribute{Tag: 0x0020000E, VR: "UI", Value: "1.2.3.4.3"})
	file := filepath.Join(t.TempDir(), "faulty.dcm")
	if err := os.WriteFile(file, append(m.Encode(uid.ExplicitVRLittleEndian), make([]byte, 64)...), 0o600); err != nil {
		t.Fatal(err)
	}
	nodetest.Store(t, nodetest.Calling("MODALITY", "XNET", n.Addr), []string{file})
	nodetest.Receive(t, pacs, 1)
	n.Settle(t)
	for message, fault := range map[string]string{
		"object has encoding errors and was stored":   "zeros behind the data set",
		"image has encoding errors and was segmented": "(0028,0102) HighBit: less than Bits Stored - 1",
	} {
		found := false
		for line := range strings.Lines(n.Log.String()) {
			found = found || strings.Contains(line, message) && strings.Contains(line, fault) && strings.Contains(line, "level=WARN")
		}
		if !found {
			t.Errorf("no warning %q with %q", message, fault)
		}
	}
	if strings.Contains(n.Log.String(), "Secret") {
		t.Error("the log holds the patient's name")
	}
}
