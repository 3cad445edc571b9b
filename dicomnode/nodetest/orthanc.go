package nodetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Orthanc is a running Orthanc, set up as docs/orthanc says.
type Orthanc struct {
	base  string // of its REST interface
	dicom string // host:port
}

// StartOrthanc runs Orthanc with the files of docs/orthanc, which send to the node
// at that port. Only folders and ports differ.
func StartOrthanc(t *testing.T, dicomPort, nodePort int) Orthanc {
	t.Helper()
	return startOrthanc(t, dicomPort, nodePort, map[string]any{})
}

// StartSecureOrthanc runs Orthanc with DICOM TLS on its port and towards the node, each
// side showing a certificate: that of Orthanc is "orthanc" of the site.
func StartSecureOrthanc(t *testing.T, dicomPort int, s Site) Orthanc {
	t.Helper()
	return startOrthanc(t, dicomPort, s.Port, map[string]any{
		"DicomTlsEnabled": true, "DicomTlsRemoteCertificateRequired": true,
		"DicomTlsCertificate": s.File("orthanc.crt"), "DicomTlsPrivateKey": s.File("orthanc.key"), "DicomTlsTrustedCertificates": s.File("ca.crt"),
		"DicomModalities": map[string]any{"dicomnode": map[string]any{"AET": "XNET", "Host": "127.0.0.1", "Port": s.Port, "UseDicomTls": true}},
	})
}

// startOrthanc replaces keys of the configuration.
func startOrthanc(t *testing.T, dicomPort, nodePort int, replaced map[string]any) Orthanc {
	t.Helper()
	program, dir := PeerProgram(t, "Orthanc"), t.TempDir()
	text, err := os.ReadFile("../../docs/orthanc/orthanc.json")
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("../../docs/orthanc/forward.lua")
	if err != nil {
		t.Fatal(err)
	}
	modality := config["DicomModalities"].(map[string]any)["dicomnode"].([]any)
	modality[2] = nodePort
	http := FreePort(t)
	config["DicomPort"], config["HttpPort"], config["LuaScripts"] = dicomPort, http, []string{script}
	config["StorageDirectory"], config["IndexDirectory"] = dir, dir
	maps.Copy(config, replaced)
	if text, err = json.Marshal(config); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "orthanc.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	StartProgram(t, dir, program, path)
	o := Orthanc{fmt.Sprintf("http://127.0.0.1:%d", http), fmt.Sprintf("127.0.0.1:%d", dicomPort)}
	Until(t, "Orthanc's REST interface", Listening(strings.TrimPrefix(o.base, "http://")))
	Until(t, "Orthanc's DICOM port", Listening(o.dicom))
	return o
}

// Post sends a body to the REST interface and decodes the answer.
func (o Orthanc) Post(t *testing.T, path string, body []byte, answer any) {
	t.Helper()
	resp, err := rest.Post(o.base+path, "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: %s, %v\n%s", path, resp.Status, err, text)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
}

// Find lists the instances of a modality: Orthanc's identifier and study.
func (o Orthanc) Find(t *testing.T, modality string) (ids []string) {
	t.Helper()
	query, err := json.Marshal(map[string]any{"Level": "Instance", "Query": map[string]string{"Modality": modality}})
	if err != nil {
		t.Fatal(err)
	}
	o.Post(t, "/tools/find", query, &ids)
	return ids
}

// rest makes a connection for each request: Orthanc ends one that is idle for a second,
// and a POST that meets the end is an error.
var rest = http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// Store gives a Part 10 file to Orthanc and returns its identifier there.
func (o Orthanc) Store(t *testing.T, file []byte) (id string) {
	t.Helper()
	var answer struct{ ID string }
	o.Post(t, "/instances", file, &answer)
	return answer.ID
}

// Tag is the value of an attribute as Orthanc understands it.
func (o Orthanc) Tag(t *testing.T, id, keyword string) string {
	t.Helper()
	var tags map[string]any
	if err := json.Unmarshal(o.get(t, "/instances/"+id+"/simplified-tags"), &tags); err != nil {
		t.Fatal(err)
	}
	value, _ := tags[keyword].(string)
	return value
}

// File fetches an instance as a Part 10 file.
func (o Orthanc) File(t *testing.T, id string) []byte {
	t.Helper()
	return o.get(t, "/instances/"+id+"/file")
}

// Get decodes what the REST interface has at a path.
func (o Orthanc) Get(t *testing.T, path string, answer any) {
	t.Helper()
	if err := json.Unmarshal(o.get(t, path), answer); err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
}

func (o Orthanc) get(t *testing.T, path string) []byte {
	t.Helper()
	resp, err := rest.Get(o.base + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", path, resp.Status, err)
	}
	return b
}

// Resubmit runs docs/orthanc/resubmit.sh once.
func (o Orthanc) Resubmit(t *testing.T) {
	t.Helper()
	out, err := exec.Command("sh", "../../docs/orthanc/resubmit.sh", o.base).CombinedOutput()
	if err != nil {
		t.Fatalf("resubmit.sh: %v\n%s", err, out)
	}
}

// Jobs lists the states of Orthanc's jobs.
func (o Orthanc) Jobs(t *testing.T) (states []string) {
	t.Helper()
	resp, err := rest.Get(o.base + "/jobs?expand")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var jobs []struct{ State string }
	if err := json.NewDecoder(resp.Body).Decode(&jobs); err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		states = append(states, j.State)
	}
	return states
}
