package exportcmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/trainercmd/exportcmd"
	"dicomnode/internal/audit/audittest"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/export"
)

// peer is a PACS to retrieve from, which knows the title EXPORT at that port.
type peer struct {
	title, address string
	receive        int
}

// ctImageStorage (PS3.6 Table A-1) is a class that is not exported.
const ctImageStorage = "1.2.840.10008.5.1.4.1.1.2"

// stored are the files that the PACS of these tests have, of two studies, and an object
// of a class that is not exported in one of their series.
func stored(t *testing.T) []string {
	image := nodetest.Image{Name: "limb", Rows: 120, Cols: 100}.File(t, t.TempDir())
	b, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	o, err := object.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	o.PutText(0x00080016, "UI", ctImageStorage)
	o.PutText(0x00080018, "UI", o.First(0x00080018)+".1")
	other := filepath.Join(t.TempDir(), "other.dcm")
	f, err := os.Create(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(o.Write(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	return []string{dicomtest.Shared(t, "dicom", "RG3_J2KR.dcm"), image, other}
}

// peers starts an Orthanc and a DCMTK archive with the stored files.
func peers(t *testing.T) map[string]peer {
	out := map[string]peer{"DCMTK": dcmqrscp(t), "Orthanc": orthanc(t)}
	for _, p := range out {
		nodetest.Until(t, "the DICOM port of "+p.title, nodetest.Listening(p.address))
		nodetest.Store(t, nodetest.Calling("XNET", p.title, p.address), stored(t))
	}
	return out
}

func dcmqrscp(t *testing.T) peer {
	program, dir, port, receive := nodetest.PeerProgram(t, "dcmqrscp"), t.TempDir(), nodetest.FreePort(t), nodetest.FreePort(t)
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`NetworkTCPPort = %d
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
export = (EXPORT, 127.0.0.1, %d)
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
DCMTK %s RW (200, 1024mb) ANY
AETable END
`, port, receive, filepath.Join(dir, "db"))
	path := filepath.Join(dir, "dcmqrscp.cfg")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	nodetest.StartProgram(t, dir, program, "-c", path, "+xv") // takes JPEG 2000 too
	return peer{"DCMTK", fmt.Sprintf("127.0.0.1:%d", port), receive}
}

func orthanc(t *testing.T) peer {
	program, dir, port, receive := nodetest.PeerProgram(t, "Orthanc"), t.TempDir(), nodetest.FreePort(t), nodetest.FreePort(t)
	config, err := json.Marshal(map[string]any{
		"StorageDirectory": dir, "IndexDirectory": dir, "DicomAet": "ORTHANC", "DicomPort": port, "HttpServerEnabled": false,
		"DicomAlwaysAllowFind": true, "DicomAlwaysAllowGet": true, "DicomAlwaysAllowMove": true, "DicomAlwaysAllowStore": true,
		"DicomModalities": map[string]any{"export": []any{"EXPORT", "127.0.0.1", receive}},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "orthanc.json")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	nodetest.StartProgram(t, dir, program, path)
	return peer{"ORTHANC", fmt.Sprintf("127.0.0.1:%d", port), receive}
}

// verb runs "trainer export" and returns what it printed.
func verb(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exportcmd.Command("test")
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	cmd.SilenceUsage = true
	err := cmd.ExecuteContext(ctx)
	return out.String(), err
}

func keyFile(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "k.key")
	if _, err := verb(t, "key", path); err != nil {
		t.Fatal(err)
	}
	return path
}

// From Orthanc and DCMTK, by C-GET and by C-MOVE to a title of the export's own: the
// same set as from the files, each time, and nothing stays beside it.
func TestFromPACS(t *testing.T) {
	key := keyFile(t)
	common := []string{"--key", key, "--formats", "dicom", "--labels", "none", "--burned-in", "keep"}
	want := filepath.Join(t.TempDir(), "files")
	if out, err := verb(t, append(append(stored(t), "--out", want), common...)...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, p := range peers(t) {
		at := append([]string{"--from-pacs", p.title + "@" + p.address, "--calling", "XNET", "--study-date", "20040101-20201231"}, common...)
		out, err := verb(t, append(at, "--dry-run", "--out", "unused")...)
		if err != nil || !strings.Contains(out, map[string]string{
			"Orthanc": "2 images of 2 patients in 2 studies, 0 other objects, 1 of classes that are not exported",
			"DCMTK":   "3 images of 2 patients in 2 studies, 0 other objects, 0 of classes that are not exported",
		}[name]) {
			t.Errorf("%s: dry run: %v\n%s", name, err, out)
		}
		for way, more := range map[string][]string{"C-GET": nil, "C-MOVE": {"--receive", fmt.Sprintf("EXPORT@127.0.0.1:%d", p.receive)}} {
			set := filepath.Join(t.TempDir(), "set")
			out, err := verb(t, append(append(at, "--out", set), more...)...)
			if err != nil {
				t.Errorf("%s, %s: %v\n%s", name, way, err, out)
				continue
			}
			told := strings.Contains(out, "SOP class "+ctImageStorage) && !strings.Contains(out, "did not send")
			// DCMTK's answers have no SOP Class UID, and it sends no JPEG 2000.
			untold := strings.Contains(out, "did not send 2 objects that it has, or of classes that are not exported")
			if name == "Orthanc" && !told || name == "DCMTK" && !untold {
				t.Errorf("%s, %s: what became of the object of another class?\n%s", name, way, out)
			}
			if got, want := instances(t, set), instances(t, want); got != want {
				t.Errorf("%s, %s: %s, from files %s", name, way, got, want)
			}
			if _, err := os.Stat(set + ".work"); !os.IsNotExist(err) {
				t.Errorf("%s, %s: what was retrieved stays: %v", name, way, err)
			}
		}
	}
}

// instances are the IDs of a set.
func instances(t *testing.T, set string) string {
	all, err := export.ReadManifest(set)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for id, r := range all {
		ids[id] = len(r.Files)
	}
	return fmt.Sprint(ids)
}

// A retrieval that was interrupted fetches what is missing, a set that waits for
// review is finished without the PACS, and a query without limits is refused.
func TestRetrievalGoesOn(t *testing.T) {
	p := orthanc(t)
	nodetest.Until(t, "Orthanc's DICOM port", nodetest.Listening(p.address))
	nodetest.Store(t, nodetest.Calling("XNET", p.title, p.address), stored(t))
	set := filepath.Join(t.TempDir(), "set")
	args := []string{"--from-pacs", p.title + "@" + p.address, "--key", keyFile(t), "--formats", "dicom", "--labels", "none", "--review-all", "--out", set}
	if _, err := verb(t, args...); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("without dates: %v, want an error", err)
	}
	args = append(args, "--study-date", "20040101-20201231")
	if _, err := verb(t, args...); err == nil || !strings.Contains(err.Error(), "review") {
		t.Fatalf("%v, want pictures that wait", err)
	}
	files := times(t, set+".work/retrieved")
	if len(files) != 3 { // two objects and the mark that they are all
		t.Fatalf("retrieved %v", files)
	}
	for path := range files {
		if strings.HasSuffix(path, ".dcm") {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			delete(files, path)
			break
		}
	}
	if _, err := verb(t, args...); err == nil || !strings.Contains(err.Error(), "review") {
		t.Fatalf("%v, want pictures that wait", err)
	}
	again := times(t, set+".work/retrieved")
	for path, at := range files {
		if strings.HasSuffix(path, ".dcm") && !again[path].Equal(at) {
			t.Error("an object that was there was retrieved again")
		}
	}
	if len(again) != 3 {
		t.Errorf("retrieved %v, want two objects again", again)
	}
}

// What a PACS is asked and what it sends is in the audit trail (PS3.15 A.5.3.10, A.5.3.7).
func TestRetrievalIsAudited(t *testing.T) {
	p := orthanc(t)
	nodetest.Until(t, "Orthanc's DICOM port", nodetest.Listening(p.address))
	nodetest.Store(t, nodetest.Calling("XNET", p.title, p.address), stored(t))
	data := t.TempDir()
	config := filepath.Join(data, "node.yaml")
	text := fmt.Sprintf("node: {ae_title: XNET, data_dir: %q}\naudit: {server: \"127.0.0.1:6514\", transport: udp}\n", data)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := verb(t, "--config", config, "--from-pacs", p.title+"@"+p.address, "--key", keyFile(t), "--formats", "dicom", "--labels", "none", "--burned-in", "keep",
		"--study-date", "20040101-20201231", "--out", filepath.Join(t.TempDir(), "set"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	spool, err := os.ReadFile(filepath.Join(data, "audit.spool"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for line := range strings.Lines(string(spool)) {
		if err := audittest.Check([]byte(line)); err != nil {
			t.Errorf("%v in\n%s", err, line)
		}
		for _, has := range []string{`ParticipantObjectID="` + uid.StudyRootQueryRetrieveFind, `ParticipantObjectID="` + uid.StudyRootQueryRetrieveGet, `csd-code="110104"`, "SIMULATED"} {
			if strings.Contains(line, has) && strings.Contains(line, `UserID="ORTHANC"`) {
				seen[has]++
			}
		}
	}
	// Both studies are retrieved; one of them has a patient named SIMULATED.
	if len(seen) != 4 || seen[`csd-code="110104"`] != 2 || seen["SIMULATED"] != 1 {
		t.Errorf("messages %v in\n%s", seen, spool)
	}
}

func times(t *testing.T, dir string) map[string]time.Time {
	out := map[string]time.Time{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		out[path] = info.ModTime()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
