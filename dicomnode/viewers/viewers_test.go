package viewers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/configs"
	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/offline"
	"dicomnode/dicomnode/outputs"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/dicomtest"
	"dicomnode/internal/iod"
	"dicomnode/segment"
	"dicomnode/segment/capture"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

// page is where "make viewers" puts the bundled page.
const page = "../../.viewers/dist"

// pageFolder is page, or the test is skipped.
func pageFolder(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(page, "page.js")); err != nil {
		if os.Getenv("REQUIRE_PEERS") == "1" {
			t.Fatalf("%v: run \"make viewers\"", err)
		}
		t.Skip("no page: \"make viewers\" makes it")
	}
	return page
}

// orthanc runs an Orthanc with its DICOMweb plugin and returns its address.
func orthanc(t *testing.T) *url.URL {
	t.Helper()
	program, dir, port := nodetest.PeerProgram(t, "Orthanc"), t.TempDir(), nodetest.FreePort(t)
	const plugin = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
	if _, err := os.Stat(plugin); err != nil {
		if os.Getenv("REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip("Orthanc's DICOMweb plugin is not installed")
	}
	config, err := json.Marshal(map[string]any{
		"StorageDirectory": dir, "IndexDirectory": dir, "Plugins": []string{plugin}, "DicomServerEnabled": false,
		"HttpPort": port, "RemoteAccessAllowed": false, "AuthenticationEnabled": false,
		"DicomWeb": map[string]any{"Enable": true, "Root": "/dicom-web/", "StudiesMetadata": "Full", "SeriesMetadata": "Full"},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "orthanc.json")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	nodetest.StartProgram(t, dir, program, path)
	at := &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}
	nodetest.Until(t, "Orthanc's REST interface", nodetest.Listening(at.Host))
	return at
}

// store gives Orthanc a file and returns Orthanc's name of the instance.
func store(t *testing.T, at *url.URL, file []byte) (id string) {
	t.Helper()
	resp, err := http.Post(at.String()+"/instances", "application/dicom", bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ ID, Status string }
	body, _ := io.ReadAll(resp.Body)
	if err := json.Unmarshal(body, &answer); err != nil || answer.Status != "Success" {
		t.Fatalf("Orthanc: %s %v\n%s", resp.Status, err, body)
	}
	return answer.ID
}

// site serves the page beside the archive: one origin, as behind a hospital's proxy.
func site(t *testing.T, folder string, archive *url.URL) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/dicom-web/", httputil.NewSingleHostReverseProxy(archive))
	mux.HandleFunc("/seg/{id}", func(w http.ResponseWriter, r *http.Request) {
		resp, err := http.Get(archive.String() + "/instances/" + r.PathValue("id") + "/file")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		_, _ = io.Copy(w, resp.Body) // a page that went away is the browser's matter
	})
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "../../docs/viewers/index.html") })
	mux.Handle("/", http.FileServer(http.Dir(folder)))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// browser is a Chromium without a window and without a graphics card.
func browser(t *testing.T) context.Context {
	t.Helper()
	program := nodetest.PeerProgram(t, "chromium")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.Flag("use-gl", "angle"), chromedp.Flag("use-angle", "swiftshader"), chromedp.Flag("enable-unsafe-swiftshader", true),
		chromedp.WindowSize(800, 900))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// reading is what one major of the adapters reads: pixels of each segment, or an error.
type reading struct {
	Counts [4]int
	Error  string
}

// shown is what the page reports.
type shown struct {
	Adapters3, Adapters4, Adapters5 reading
	Screen                          [4]int
	Width, Height                   int
}

// TestCornerstone shows real and simulated radiographs with their segments: three majors of
// cornerstone's adapters read exactly the pixels that were written, and what is on the
// screen has their areas.
func TestCornerstone(t *testing.T) {
	folder := pageFolder(t)
	nodetest.RequireModel(t)
	at, ctx := orthanc(t), browser(t)
	s := site(t, folder, at)
	files := nodetest.Radiographs(t, 1)
	files = append(files, dicomtest.Shared(t, "dicom", "RG3_UNC.dcm"), dicomtest.Shared(t, "dicom", "highdicom_DX_dog_thorax_ELE.dcm"))
	p, closeModels, err := pipeline.Open(configs.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer closeModels()
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { show(t, ctx, s.URL, at, p, file) })
	}
}

func show(t *testing.T, ctx context.Context, site string, at *url.URL, p *segment.Pipeline, file string) {
	img, res, objects := segmented(t, p, file)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	store(t, at, b)
	id, labelmap := store(t, at, objects[0]), store(t, at, objects[1])
	source := iod.NewSource(img.Dataset)
	path := fmt.Sprintf("studies/%s/series/%s/instances/%s",
		source.String(tag.StudyInstanceUID), source.String(tag.SeriesInstanceUID), img.SOPInstanceUID)
	var got, second shown
	var screen []byte
	err = chromedp.Run(ctx, chromedp.Navigate(site), chromedp.WaitReady("#view"),
		chromedp.Poll(`document.title === "ready"`, nil),
		chromedp.Evaluate(fmt.Sprintf("start(%q, %q)", path, id), &got, awaited),
		chromedp.Evaluate(fmt.Sprintf("read(%q, %q)", path, labelmap), &second, awaited),
		chromedp.CaptureScreenshot(&screen))
	if err != nil {
		t.Fatal(err)
	}
	keep(t, strings.TrimSuffix(filepath.Base(file), ".dcm")+".png", screen)
	keep(t, strings.TrimSuffix(filepath.Base(file), ".dcm")+"-sc.png", secondaryCapture(t, img, res))
	m := res.Masks
	masks := []picture.Mask{m.Open, m.Soft, m.Bone, m.HighPrecisionSoft}
	for i, a := range []reading{got.Adapters3, got.Adapters4, got.Adapters5} {
		mustRead(t, fmt.Sprintf("BINARY, adapters %d", i+3), a, masks)
	}
	// The third major knows no label maps.
	for i, a := range []reading{second.Adapters4, second.Adapters5} {
		mustRead(t, fmt.Sprintf("LABELMAP, adapters %d", i+4), a, masks[:3])
	}
	onScreen(t, got, masks, img.Rows, img.Columns)
}

func mustRead(t *testing.T, what string, got reading, masks []picture.Mask) {
	t.Helper()
	for k, mask := range masks {
		if got.Error != "" || got.Counts[k] != mask.Count() {
			t.Errorf("%s: segment %d has %d pixels, want %d %s", what, k+1, got.Counts[k], mask.Count(), got.Error)
		}
	}
}

// onScreen compares areas: the image fits the window. Of segments that overlap cornerstone
// draws the first, so soft tissue hides its high-precision part.
func onScreen(t *testing.T, got shown, masks []picture.Mask, rows, cols int) {
	t.Helper()
	scale := math.Min(float64(got.Width)/float64(cols), float64(got.Height)/float64(rows))
	for k, mask := range masks[:3] {
		have, want := float64(got.Screen[k])/(scale*scale), float64(mask.Count())
		if math.Abs(have-want) > 0.01*want {
			t.Errorf("segment %d covers %.0f pixels on the screen, want %.0f", k+1, have, want)
		}
	}
}

// segmented is an image with its regions and its segmentations as files, BINARY and
// LABELMAP.
func segmented(t *testing.T, p *segment.Pipeline, file string) (*decode.Image, *segment.Result, [2][]byte) {
	t.Helper()
	img, err := decode.ReadFile(context.Background(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	img.Received = time.Date(2026, 3, 1, 3, 4, 5, 0, time.UTC)
	res, err := p.Run(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	var files [2][]byte
	for i, form := range []string{configs.Binary, configs.Labelmap} {
		o, err := outputs.New(configs.Default(), "1.0", img, res).Make(form)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := offline.WriteMeta(&b, o.SOPClassUID, o.SOPInstanceUID); err != nil {
			t.Fatal(err)
		}
		if err := o.Encode(&b); err != nil {
			t.Fatal(err)
		}
		files[i] = b.Bytes()
	}
	return img, res, files
}

// secondaryCapture is what a viewer shows of a Secondary Capture: its pixels.
func secondaryCapture(t *testing.T, img *decode.Image, res *segment.Result) []byte {
	t.Helper()
	p := capture.Picture{Rows: img.Rows, Columns: img.Columns, Grey: capture.Grey(img, res)}
	var b bytes.Buffer
	if err := png.Encode(&b, capture.Draw(p, res.Field, capture.Layers(res), capture.Notice)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// keep writes a picture of the viewer into the folder VIEWER_PICTURES names, if any.
func keep(t *testing.T, name string, picture []byte) {
	t.Helper()
	if dir := os.Getenv("VIEWER_PICTURES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
