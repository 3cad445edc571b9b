package e2e

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dicomnode/configs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/part10"
)

// sendWithPynetdicom sends the files that it reads from standard input to the node at
// argv[1]: in one association for each, with that syntax alone; then all in one, which
// proposes each syntax in a context of its own, and all together with those that are not
// compressed in one more. It prints the accepted syntax of that last context, and the
// status of each object. What comes the second time is stored already.
const sendWithPynetdicom = `
import sys, json, pydicom, pynetdicom
from pynetdicom import AE
files = json.load(sys.stdin)
host, port = sys.argv[1].rsplit(":", 1)
ae, out = AE("MODALITY"), {"alone": {}, "mixed": {}}
native = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]
datasets = [pydicom.dcmread(f) for f in files]
syntaxes = [ds.file_meta.TransferSyntaxUID for ds in datasets]
for ds in datasets:
    ae.requested_contexts = []
    ae.add_requested_context(ds.SOPClassUID, [ds.file_meta.TransferSyntaxUID])
    assoc = ae.associate(host, int(port), ae_title="XNET")
    assert assoc.is_established, ds.file_meta.TransferSyntaxUID
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    out["alone"][ds.file_meta.TransferSyntaxUID] = assoc.send_c_store(ds).Status
    assoc.release()
contexts = [pynetdicom.build_context(datasets[0].SOPClassUID, [ts]) for ts in syntaxes]
contexts.append(pynetdicom.build_context(datasets[0].SOPClassUID, syntaxes + native))
assoc = ae.associate(host, int(port), contexts=contexts, ae_title="XNET")
out["accepted"] = len(assoc.accepted_contexts)
out["together"] = [c.transfer_syntax[0] for c in assoc.accepted_contexts if c.transfer_syntax[0] in native]
for ds in datasets:
    out["mixed"][ds.file_meta.TransferSyntaxUID] = assoc.send_c_store(ds).Status
assoc.release()
print(json.dumps(out))
`

// pynetdicom proposes every syntax, alone and mixed: each object is taken and segmented.
func TestPynetdicomSends(t *testing.T) {
	t.Parallel()
	pacs, files := nodetest.NewPACS(t), nodetest.EverySyntax(t)
	n := startNode(t, nodetest.Config(t.TempDir(), pacs.Addr.Host))
	list, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), nodetest.Python(t), "-c", sendWithPynetdicom, n.Addr)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(list), os.Stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var told struct {
		Alone, Mixed map[string]int
		Accepted     int
		Together     []string
	}
	if err := json.Unmarshal(text, &told); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if told.Accepted != len(files)+1 || len(told.Together) != 1 {
		t.Errorf("%d contexts accepted, want %d; of all syntaxes in one, %v", told.Accepted, len(files)+1, told.Together)
	}
	for how, statuses := range map[string]map[string]int{"alone": told.Alone, "mixed": told.Mixed} {
		if len(statuses) != len(files) {
			t.Errorf("%s: %d objects were sent", how, len(statuses))
		}
		for syntax, status := range statuses {
			if status != 0 {
				t.Errorf("%s, %s: status %04X", how, syntax, status)
			}
		}
	}
	nodetest.Receive(t, pacs, len(files))
}

// Orthanc forwards each syntax as it is: it proposes it in a context of its own, and
// uncompressed ones in others. Release 1.10 knows no HTJ2K, and sends such an image no
// further.
func TestOrthancSendsEverySyntax(t *testing.T) {
	t.Parallel()
	nodetest.PeerProgram(t, "Orthanc")
	dicomPort := nodetest.FreePort(t)
	c := orthancConfig(t, dicomPort)
	n := startNode(t, c)
	o := nodetest.StartOrthanc(t, dicomPort, n.Port(t))
	var want []string
	for _, file := range nodetest.EverySyntax(t) {
		if strings.Contains(filepath.Base(file), ".4.20") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var stored map[string]any
		o.Post(t, "/instances", b, &stored)
		want = append(want, strings.TrimSuffix(filepath.Base(file), ".dcm"))
	}
	nodetest.Until(t, "segmentations in Orthanc", func() bool { return len(o.Find(t, "SEG")) >= len(want) })
	if s := n.Settle(t); s.Quarantined > 0 {
		t.Errorf("%+v", s)
	}
	kept := syntaxesIn(t, c.Node.DataDir)
	for _, syntax := range want {
		if !kept[syntax] {
			t.Errorf("%s was not forwarded as it is", syntax)
		}
	}
}

// syntaxesIn are the transfer syntaxes of the objects in a folder.
func syntaxesIn(t *testing.T, dir string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if h, err := part10.ReadHeader(f); err == nil { // else it is the index
			found[h.TransferSyntaxUID] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// orthancConfig is that of docs/orthanc, with Orthanc at a port of loopback.
func orthancConfig(t *testing.T, dicomPort int) configs.Config {
	t.Helper()
	text, err := os.ReadFile("../../docs/orthanc/dicomnode.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := configs.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	c.Node.DataDir = t.TempDir()
	c.Peers[0].Address = net.JoinHostPort("127.0.0.1", strconv.Itoa(dicomPort))
	return nodetest.Light(c)
}
