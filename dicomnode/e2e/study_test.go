package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dicomnode/configs"
	"dicomnode/dicomnode/inspect"
	"dicomnode/dicomnode/node"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/archive"
)

// A whole study, as modalities and PACSs send it, passes a node that keeps what is no
// image: a dose report, a presentation state and our own segmentation come before the
// images, and no sender is stopped at them. dcmsend, storescu, pynetdicom and Orthanc send
// it, pynetdicom gets the segmentations.
func TestWholeStudies(t *testing.T) {
	t.Parallel()
	nodetest.Python(t)
	nodetest.PeerProgram(t, "Orthanc")
	results, dir := t.TempDir(), t.TempDir()
	c := nodetest.Config(t.TempDir(), nodetest.Pynetdicom(t, results))
	c.Node.AcceptOther = "keep"
	c.Peers[0].AETitle, c.Routes[0].From = "MODALITY", []string{"modality", "orthanc"}
	c.Peers = append(c.Peers, c.Peers[0])
	c.Peers[2].Name, c.Peers[2].AETitle = "orthanc", "ORTHANC"
	n := startNode(t, c)
	const report, state = "1.2.840.10008.5.1.4.1.1.88.67", "1.2.840.10008.5.1.4.1.1.11.1"
	study := []string{
		nodetest.Image{Name: "1-dose", Study: "whole", SOPClass: report, Modality: "SR"}.File(t, dir),
		nodetest.Image{Name: "2-state", Study: "whole", SOPClass: state, Modality: "PR"}.File(t, dir),
		nodetest.Image{Name: "4-image", Study: "whole", Rows: 40, Cols: 32}.File(t, dir),
		nodetest.Image{Name: "5-image", Study: "whole", Rows: 40, Cols: 32}.File(t, dir),
	}
	nodetest.Dcmsend(t, n.Addr, study[2])
	study = slices.Insert(study, 2, segmentations(t, n, results, 1)[0])

	nodetest.Storescu(t, n.Addr, "-R", study...) // stops at the first that is refused; without -R it proposes no segmentation
	segmentations(t, n, results, 2)
	nodetest.Dcmsend(t, n.Addr, study...)
	if got := nodetest.PynetdicomSend(t, n.Addr, study...); !slices.Equal(got, []string{"0000", "0000", "0000", "0000", "0000"}) {
		t.Errorf("pynetdicom was answered %v", got)
	}
	throughOrthanc(t, n, study)
	segmentations(t, n, results, 2)
	checkKept(t, c, n)
}

// segmentations waits until nothing is left to do; the PACS must have so many.
func segmentations(t *testing.T, n *testNode, dir string, want int) []string {
	t.Helper()
	if s := n.Settle(t); s.Quarantined > 0 {
		t.Fatalf("%d jobs are quarantined", s.Quarantined)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.dcm"))
	if err != nil || len(files) != want {
		t.Fatalf("the PACS has %d segmentations, want %d: %v", len(files), want, err)
	}
	for _, f := range files {
		nodetest.Dciodvfy(t, f)
	}
	return files
}

// throughOrthanc gives the study to Orthanc, which sends it whole.
func throughOrthanc(t *testing.T, n *testNode, study []string) {
	t.Helper()
	o := nodetest.StartOrthanc(t, nodetest.FreePort(t), n.Port(t))
	var stored struct{ ParentStudy string }
	for _, file := range study {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		o.Post(t, "/instances", b, &stored)
	}
	query, err := json.Marshal(map[string]any{"Resources": []string{stored.ParentStudy}, "Synchronous": true})
	if err != nil {
		t.Fatal(err)
	}
	var sent struct{ InstancesCount, FailedInstancesCount int }
	o.Post(t, "/modalities/dicomnode/store", query, &sent)
	if sent.InstancesCount != len(study) || sent.FailedInstancesCount != 0 {
		t.Errorf("Orthanc sent %+v, want %d", sent, len(study))
	}
}

// checkKept looks at what became of what was received.
func checkKept(t *testing.T, c configs.Config, n *testNode) {
	t.Helper()
	a, err := archive.OpenShared(t.Context(), archive.Options{Dir: node.ArchiveDir(c)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	lives, _, err := inspect.Find(t.Context(), a, c, inspect.Query{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, l := range lives {
		got[l.Modality+" "+l.State]++
	}
	want := map[string]int{"SR kept": 1, "PR kept": 1, "DX delivered": 2} // our own segmentation is a result already
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what became of what was received (-want +got):\n%s", diff)
	}
	if log := n.Log.String(); strings.Contains(log, "no route matches") || strings.Contains(log, "destination fails") {
		t.Error("the log calls a kept object unrouted, or the destination failing")
	}
}
