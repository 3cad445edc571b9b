package evaluate_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dicomnode/trainer/dataset"
	"dicomnode/trainer/evaluate"
)

// pageOf evaluates the pictures of TestRun with ids and body parts that want
// escaping, and writes the page.
func pageOf(t *testing.T, opt evaluate.Options) string {
	t.Helper()
	dir := t.TempDir()
	w, err := dataset.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range []string{"plain", "a<b>&\"c", "third"} {
		img, lab := image.NewGray16(image.Rect(0, 0, 60+i, 90)), image.NewGray(image.Rect(0, 0, 60+i, 90))
		for at := range lab.Pix {
			lab.Pix[at] = []uint8{0, 1, 2, 255}[at%(4-i)]
			img.Pix[2*at] = uint8(at)
		}
		it := dataset.Item{ID: id, BodyPart: "<script>alert(1)</script>", Polarity: dataset.AirBright, Difficult: i == 1}
		if err := w.Add(it, img, lab); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := evaluate.Run(context.Background(), dir, fixed{class: 1, p: 0.8}, opt)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var fullOptions = evaluate.Options{Cases: 2, Resamples: 50, Seed: 1, Model: &evaluate.Model{Name: "XNet-16", Version: "1", Digest: "0123", Device: "cpu"}}

// elements reads the page as XML that knows HTML's empty elements; tags that do not
// match are an error.
func elements(t *testing.T, page string) []xml.StartElement {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var out []xml.StartElement
	for {
		token, err := d.Token()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatalf("page is not well formed: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok {
			out = append(out, e.Copy())
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func TestPageIsSelfContained(t *testing.T) {
	page := pageOf(t, fullOptions)
	for _, e := range elements(t, page) {
		switch e.Name.Local {
		case "script", "link", "iframe", "object", "base":
			t.Errorf("page has a <%s>", e.Name.Local)
		}
		for _, name := range []string{"src", "href", "data", "action"} {
			if v := attribute(e, name); v != "" && !strings.HasPrefix(v, "data:image/png;base64,") && !strings.HasPrefix(v, "#") {
				t.Errorf("<%s %s=%q>", e.Name.Local, name, v)
			}
		}
	}
	for _, bad := range []string{"http://", "https://", "url(", "@import", "ZgotmplZ", "NaN", "%!"} {
		if strings.Contains(page, bad) {
			t.Errorf("page holds %q", bad)
		}
	}
}

// When every image is among the worst, none is shown twice.
func TestPageOfFewImages(t *testing.T) {
	opt := fullOptions
	opt.Cases, opt.Chosen = 3, "by somebody"
	page := pageOf(t, opt)
	if strings.Contains(page, "Worst cases") || strings.Contains(page, "drawn at random") || !strings.Contains(page, "Every image, the worst first") {
		t.Error("the page of three images with three cases has two galleries")
	}
	if n := strings.Count(page, "<img "); n != 3*4 {
		t.Errorf("%d pictures, want 12", n)
	}
	if !strings.Contains(page, "of soft tissue, chosen by somebody") {
		t.Error("the page does not say how thresholds were chosen")
	}
	if opt.Cases = 2; !strings.Contains(pageOf(t, opt), "Worst cases") {
		t.Error("no worst cases with two of three images")
	}
}

func TestPageIsAccessible(t *testing.T) {
	page := pageOf(t, fullOptions)
	ids, pictures, charts := map[string]bool{}, 0, 0
	all := elements(t, page)
	for _, e := range all {
		if id := attribute(e, "id"); id != "" {
			if ids[id] {
				t.Errorf("id %q is used twice", id)
			}
			ids[id] = true
		}
	}
	for _, e := range all {
		switch e.Name.Local {
		case "img":
			pictures++
			if attribute(e, "alt") == "" {
				t.Error("a picture without alt text")
			}
		case "th":
			if s := attribute(e, "scope"); s != "col" && s != "row" {
				t.Errorf("a table header with scope %q", s)
			}
		case "svg":
			if attribute(e, "role") == "img" {
				charts++
				for _, id := range strings.Fields(attribute(e, "aria-labelledby")) {
					if !ids[id] {
						t.Errorf("a chart is labelled by %q, which is not there", id)
					}
				}
			}
		case "a":
			if target := strings.TrimPrefix(attribute(e, "href"), "#"); !ids[target] {
				t.Errorf("a link to %q, which is not there", target)
			}
		}
	}
	if pictures != 2*2*4 || charts != 2*5 {
		t.Errorf("%d pictures and %d charts, want 16 and 10", pictures, charts)
	}
}

func TestPageTells(t *testing.T) {
	page := pageOf(t, fullOptions)
	for _, want := range []string{"<!DOCTYPE html>", "XNet-16 1 on the data set", "a&lt;b&gt;&amp;", "&lt;script&gt;alert(1)", "not for diagnostic use", "Worst cases", "prefers-color-scheme: dark", "@media print"} {
		if !strings.Contains(page, want) {
			t.Errorf("page does not hold %q", want)
		}
	}
	plain := pageOf(t, evaluate.Options{Resamples: -1})
	if strings.Contains(plain, "data:image/png") || strings.Contains(plain, "Worst cases") || strings.Contains(plain, "bootstrap over images") {
		t.Error("a page without cases and intervals shows some")
	}
}

// The ROC chart enlarges its corner where all curves pass through it; elsewhere the
// inset would hide them.
func TestCornerEnlarged(t *testing.T) {
	dir := pictures(t, 2, 40, 40, func(_, _, x int) uint8 {
		if x < 20 {
			return dataset.OpenBeam
		}
		return dataset.Bone
	})
	for at, want := range map[int]bool{100: true, 30: false} {
		r, err := evaluate.Run(context.Background(), dir, columns(at), evaluate.Options{Resamples: -1})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := r.WriteHTML(&b); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(b.String(), "The inset enlarges"); got != want {
			t.Errorf("predicted up to column %d of 200: enlarged %v, want %v", at, got, want)
		}
	}
}

func TestWorstAndSample(t *testing.T) {
	// Image i of 6 is right in its left i tenths.
	dir := pictures(t, 6, 50, 50, func(i, _, x int) uint8 {
		if x < 5*i {
			return dataset.OpenBeam
		}
		return dataset.Bone
	})
	run := func(seed uint64) *evaluate.Report {
		r, err := evaluate.Run(context.Background(), dir, columns(side), evaluate.Options{Cases: 3, Seed: seed, Resamples: -1})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := run(1)
	for i, c := range r.Worst {
		if want := fmt.Sprintf("image-%02d", i); c.ID != want || c.Height != 50 || c.Width != 50 {
			t.Errorf("worst case %d is %s of %d×%d, want %s", i, c.ID, c.Width, c.Height, want)
		}
		if last := len(c.Label) - 1; c.Label[last] != dataset.Bone || c.Prediction[last] != dataset.OpenBeam {
			t.Errorf("last pixel is labelled %d, predicted %d", c.Label[last], c.Prediction[last])
		}
	}
	drawn := map[string]bool{}
	for seed := range uint64(6) {
		s := run(seed).Sample
		if len(s) != 3 || s[0].ID >= s[1].ID || s[1].ID >= s[2].ID {
			t.Fatalf("seed %d draws %d images", seed, len(s))
		}
		for _, c := range s {
			drawn[c.ID] = true
		}
	}
	if len(drawn) != 6 {
		t.Errorf("6 seeds draw %d of 6 images", len(drawn))
	}
}

// A real browser shows the page and has nothing to say against it, its own content
// security policy included. Skipped without a Chromium.
func TestBrowser(t *testing.T) {
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			program = p
			break
		}
	}
	if program == "" {
		t.Skip("no Chromium here")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "report.html")
	if err := os.WriteFile(file, []byte(pageOf(t, fullOptions)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--user-data-dir="+filepath.Join(dir, "profile"), "--dump-dom", "file://"+file)
	var page, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &page, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	if !strings.Contains(page.String(), "How the figures are defined") {
		t.Errorf("the browser shows %q", page.String())
	}
	for _, line := range regexp.MustCompile(`(?m)^.*CONSOLE.*$`).FindAllString(log.String(), -1) {
		t.Errorf("the browser says: %s", line)
	}
}
