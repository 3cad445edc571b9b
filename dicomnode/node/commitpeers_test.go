package node

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"dicomnode/configs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/internal/archive/index"
	"dicomnode/internal/commitment"
)

// port is that of host:port, which the node of a test listens on.
func port(t *testing.T, address string) (n int) {
	t.Helper()
	_, p, err := net.SplitHostPort(address)
	if err == nil {
		_, err = fmt.Sscan(p, &n)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Orthanc (from 1.6) is asked for storage commitment and answers on an association of
// its own; a result that it has counts as delivered then.
func TestOrthancCommits(t *testing.T) {
	c := nodetest.Config(t.TempDir(), "")
	dicom := nodetest.FreePort(t)
	c.Peers[1] = configs.Peer{Name: "pacs", AETitle: "ORTHANC", Address: fmt.Sprintf("127.0.0.1:%d", dicom), StorageCommitment: true}
	n := startQuick(t, c)
	nodetest.StartOrthanc(t, dicom, port(t, n.Addr))
	storedImages(t, n, "orthanc")
	n.awaitCommitted(t, 1)
	if log := n.Log.String(); !strings.Contains(log, "storage commitment answered") {
		t.Errorf("log:\n%s", log)
	}
}

// Orthanc asks the node for storage commitment, and believes what it answers.
func TestOrthancAsksForCommitment(t *testing.T) {
	c := nodetest.Config(t.TempDir(), "127.0.0.1:104")
	dicom := nodetest.FreePort(t)
	c.Peers[0] = configs.Peer{Name: "modality", AETitle: "ORTHANC", Address: fmt.Sprintf("127.0.0.1:%d", dicom), CommitmentBy: configs.CommitmentByNode}
	c.Retention, c.Routes = configs.Retention{}, nil
	n := startNode(t, c)
	o := nodetest.StartOrthanc(t, dicom, port(t, n.Addr))
	image := nodetest.Image{Name: "asked", Rows: 96, Cols: 64}
	file, err := image.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	nodetest.Store(t, n.As("ORTHANC", "XNET"), []string{file})
	stored, err := n.archive.Find(t.Context(), image.Instance())
	if err != nil {
		t.Fatal(err)
	}
	for instance, want := range map[string]string{stored.SOPInstanceUID: "Success", "2.25.404": "Failure"} {
		body, err := json.Marshal(map[string]any{"DicomInstances": []map[string]string{{"SOPClassUID": stored.SOPClassUID, "SOPInstanceUID": instance}}})
		if err != nil {
			t.Fatal(err)
		}
		var asked struct{ ID string }
		o.Post(t, "/modalities/dicomnode/storage-commitment", body, &asked)
		var report struct{ Status string }
		nodetest.Until(t, "the node's answer at Orthanc", func() bool {
			o.Get(t, "/storage-commitment/"+asked.ID, &report)
			return report.Status != "Pending"
		})
		if report.Status != want {
			t.Errorf("Orthanc says %s, want %s", report.Status, want)
		}
	}
}

// pynetdicom commits what the node sends it, and says so on the association of the
// request or on one of its own, with role selection (PS3.7 D.3.3.4).
func TestPynetdicomCommits(t *testing.T) {
	for _, where := range []string{"same", "new"} {
		t.Run(where, func(t *testing.T) {
			nodetest.Python(t)
			dicom := nodetest.FreePort(t)
			c := nodetest.Config(t.TempDir(), fmt.Sprintf("127.0.0.1:%d", dicom))
			c.Peers[1].StorageCommitment = true
			n := startQuick(t, c)
			nodetest.PynetdicomCommitter(t, dicom, where, port(t, n.Addr))
			storedImages(t, n, "one", "two")
			n.awaitCommitted(t, 2)
		})
	}
}

// awaitCommitted waits until so many results are committed.
func (n *testNode) awaitCommitted(t *testing.T, want int) {
	t.Helper()
	nodetest.Until(t, "the commitment of results", func() bool {
		count := 0
		for _, d := range n.results(t) {
			if d.State == index.Delivered && d.Words == "committed" {
				count++
			}
		}
		return count == want
	})
}

// pynetdicom asks the node for storage commitment and is told on an association of the
// node's.
func TestPynetdicomAsksForCommitment(t *testing.T) {
	nodetest.Python(t)
	dicom := nodetest.FreePort(t)
	c := nodetest.Config(t.TempDir(), "127.0.0.1:104")
	c.Peers[0].Address, c.Peers[0].CommitmentBy = fmt.Sprintf("127.0.0.1:%d", dicom), configs.CommitmentByNode
	c.Retention, c.Routes = configs.Retention{}, nil
	n := startNode(t, c)
	ref := storedImages(t, n, "asked")[0]
	missing := commitment.Reference{SOPClassUID: ref.SOPClassUID, SOPInstanceUID: "2.25.404"}
	got := nodetest.PynetdicomAsks(t, dicom, n.Addr, ref, missing)
	want := []string{"status 0000", "type 2", "committed " + ref.SOPInstanceUID, "failed 2.25.404 0112"}
	if !slices.Equal(got, want) {
		t.Errorf("pynetdicom was told %q, want %q", got, want)
	}
}
