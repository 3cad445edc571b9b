package nodetest

import (
	"context"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"dicomnode/internal/commitment"
)

// pynetdicomCommit is what the scripts of pynetdicom for storage commitment share.
const pynetdicomCommit = `
import sys, threading, time
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt, build_role
from pynetdicom.sop_class import StorageCommitmentPushModel as PUSH
INSTANCE = "1.2.840.10008.1.20.1.1"
def item(ref):
    ds = Dataset()
    ds.ReferencedSOPClassUID, ds.ReferencedSOPInstanceUID = ref
    return ds
`

// pynetdicomCommitter is a PACS that commits what it has: PORT same|new NODEPORT. It
// answers on the association of the request, or on one of its own, as SCP.
const pynetdicomCommitter = pynetdicomCommit + `
have = set()
def store(event):
    have.add(event.request.AffectedSOPInstanceUID)
    return 0
def report(assoc, request):
    time.sleep(0.3)
    ds = Dataset()
    ds.TransactionUID = request.TransactionUID
    ds.ReferencedSOPSequence = [r for r in request.ReferencedSOPSequence if r.ReferencedSOPInstanceUID in have]
    if sys.argv[2] == "same":
        assoc.send_n_event_report(ds, 1, PUSH, INSTANCE)
        return
    ae = AE("PACS")
    ae.add_requested_context(PUSH)
    a = ae.associate("127.0.0.1", int(sys.argv[3]), ae_title="XNET", ext_neg=[build_role(PUSH, scu_role=False, scp_role=True)])
    if a.is_established:
        a.send_n_event_report(ds, 1, PUSH, INSTANCE)
        a.release()
def action(event):
    threading.Thread(target=report, args=(event.assoc, event.action_information)).start()
    return 0, None
ae = AE("PACS")
ae.add_supported_context("1.2.840.10008.5.1.4.1.1.66.4")
ae.add_supported_context("1.2.840.10008.1.1")
ae.add_supported_context(PUSH)
ae.start_server(("127.0.0.1", int(sys.argv[1])), evt_handlers=[(evt.EVT_C_STORE, store), (evt.EVT_N_ACTION, action)], block=True)
`

// pynetdicomAsker asks the node as MODALITY and prints what it is told: PORT NODEPORT
// CLASS INSTANCE....
const pynetdicomAsker = pynetdicomCommit + `
told = threading.Event()
def event_report(event):
    ds = event.event_information
    print("type", event.event_type)
    for r in ds.get("ReferencedSOPSequence", []):
        print("committed", r.ReferencedSOPInstanceUID)
    for r in ds.get("FailedSOPSequence", []):
        print("failed", r.ReferencedSOPInstanceUID, "%04X" % r.FailureReason)
    told.set()
    return 0, None
ae = AE("MODALITY")
ae.add_supported_context(PUSH, scu_role=False, scp_role=True)
server = ae.start_server(("127.0.0.1", int(sys.argv[1])), evt_handlers=[(evt.EVT_N_EVENT_REPORT, event_report)], block=False)
ae.add_requested_context(PUSH)
assoc = ae.associate("127.0.0.1", int(sys.argv[2]), ae_title="XNET")
if not assoc.is_established:
    sys.exit("no association")
ds = Dataset()
ds.TransactionUID = generate_uid()
ds.ReferencedSOPSequence = [item((sys.argv[3], i)) for i in sys.argv[4:]]
status, _ = assoc.send_n_action(ds, 1, PUSH, INSTANCE)
print("status", "%04X" % status.Status)
assoc.release()
if not told.wait(60):
    sys.exit("told nothing")
server.shutdown()
`

// PynetdicomCommitter runs a PACS of pynetdicom at a port until the test ends, which
// answers requests for storage commitment on the association of the request (same) or on
// one to the node's port (new).
func PynetdicomCommitter(t *testing.T, port int, where string, node int) {
	t.Helper()
	StartProgram(t, t.TempDir(), Python(t), pythonFile(t, pynetdicomCommitter), strconv.Itoa(port), where, strconv.Itoa(node))
	Until(t, "pynetdicom", Listening(net.JoinHostPort("127.0.0.1", strconv.Itoa(port))))
}

// PynetdicomAsks asks the node for storage commitment as MODALITY, which listens at the
// port, and returns the lines of what it is told.
func PynetdicomAsks(t *testing.T, port int, node string, refs ...commitment.Reference) []string {
	t.Helper()
	_, nodePort, err := net.SplitHostPort(node)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{pythonFile(t, pynetdicomAsker), strconv.Itoa(port), nodePort, refs[0].SOPClassUID}
	for _, ref := range refs {
		args = append(args, ref.SOPInstanceUID)
	}
	ctx, cancel := context.WithTimeout(t.Context(), Time)
	defer cancel()
	out, err := exec.CommandContext(ctx, Python(t), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("pynetdicom: %v\n%s", err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
