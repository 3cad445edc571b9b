package nodetest

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Python names a Python with pydicom, pynetdicom and highdicom, which the environment variable
// HIGHDICOM_PYTHON does, or skips the test; REQUIRE_PEERS=1 makes its absence a failure.
func Python(t *testing.T) string {
	t.Helper()
	python := os.Getenv("HIGHDICOM_PYTHON")
	if python == "" && os.Getenv("REQUIRE_PEERS") == "1" {
		t.Fatal("HIGHDICOM_PYTHON is not set")
	}
	if python == "" {
		t.Skip("HIGHDICOM_PYTHON is not set")
	}
	return python
}

// pynetdicomSCP is a PACS of pynetdicom: PORT FOLDER.
const pynetdicomSCP = `
import os, sys
from pynetdicom import AE, evt, AllStoragePresentationContexts
ae = AE("PACS")
ae.supported_contexts = AllStoragePresentationContexts
ae.add_supported_context("1.2.840.10008.1.1")
def store(event):
    ds = event.dataset
    ds.file_meta = event.file_meta
    part = os.path.join(sys.argv[2], "part")
    ds.save_as(part, enforce_file_format=True)
    os.rename(part, os.path.join(sys.argv[2], ds.SOPInstanceUID + ".dcm"))
    return 0
ae.start_server(("127.0.0.1", int(sys.argv[1])), evt_handlers=[(evt.EVT_C_STORE, store)], block=True)
`

// pynetdicomSCU sends files over one association: PORT FILE....
const pynetdicomSCU = `
import sys, pydicom
from pynetdicom import AE
all = [pydicom.dcmread(f) for f in sys.argv[2:]]
ae = AE("MODALITY")
for pair in sorted({(d.SOPClassUID, d.file_meta.TransferSyntaxUID) for d in all}):
    ae.add_requested_context(*pair)
assoc = ae.associate("127.0.0.1", int(sys.argv[1]), ae_title="XNET")
if not assoc.is_established:
    sys.exit("no association")
for d in all:
    print("%04X" % assoc.send_c_store(d).Status)
assoc.release()
`

// Pynetdicom runs a PACS of pynetdicom until the test ends, which keeps what it receives in
// the folder dir, and returns its host:port.
func Pynetdicom(t *testing.T, dir string) (address string) {
	t.Helper()
	script, port := pythonFile(t, pynetdicomSCP), strconv.Itoa(FreePort(t))
	StartProgram(t, dir, Python(t), script, port, dir)
	address = net.JoinHostPort("127.0.0.1", port)
	Until(t, "pynetdicom", Listening(address))
	return address
}

// PynetdicomSend sends files with pynetdicom to the node at that host:port and returns the
// statuses.
func PynetdicomSend(t *testing.T, node string, files ...string) (statuses []string) {
	t.Helper()
	_, port, err := net.SplitHostPort(node)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), Time)
	defer cancel()
	out, err := exec.CommandContext(ctx, Python(t), append([]string{pythonFile(t, pynetdicomSCU), port}, files...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("pynetdicom: %v\n%s", err, out)
	}
	return strings.Fields(string(out))
}

func pythonFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.py")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
