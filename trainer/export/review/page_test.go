package review

import (
	"context"
	"image"
	"image/color"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"dicomnode/trainer/export/burned"
)

const first, second = "00112233445566aa", "00112233445566bb"

// waiting returns a folder with two pictures, the first of which has a box.
func waiting(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	m := image.NewGray(image.Rect(0, 0, 64, 48))
	m.SetGray(5, 5, color.Gray{Y: 200})
	for _, w := range []Waiting{{ID: first, Boxes: []burned.Box{{Left: 4, Top: 4, Width: 30, Height: 10}}, Width: 128}, {ID: second, Width: 128}} {
		if err := Hold(dir, w, m); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Without the token nothing is shown or accepted, and no name points outside the folder.
func TestToken(t *testing.T) {
	dir := waiting(t)
	s := httptest.NewServer(Page{Dir: dir, Token: "secret"})
	defer s.Close()
	for path, want := range map[string]int{
		"/": 403, "/?token=wrong": 403, "/picture?id=" + first: 403, "/?token=secret": 200, "/picture?token=secret&id=" + first: 200,
		"/picture?token=secret&id=..%2f..%2fetc%2fpasswd": 404, "/picture?token=secret&id=ffffffffffffffff": 404, "/else?token=secret": 404,
	} {
		r, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, r.StatusCode, want)
		}
	}
	empty := httptest.NewServer(Page{Dir: dir})
	defer empty.Close()
	if r, err := http.Get(empty.URL + "/?token="); err != nil || r.StatusCode != 403 {
		t.Errorf("a page without a token: %v, %v", r, err)
	}
}

// A decision is valid only for the boxes that were shown.
func TestDecide(t *testing.T) {
	dir := waiting(t)
	s := httptest.NewServer(Page{Dir: dir, Token: "secret"})
	defer s.Close()
	boxes := `[{"left":4,"top":4,"width":30,"height":10}]`
	for _, c := range []struct {
		body, kind string
		want       int
	}{
		{`{"id":"` + first + `","verdict":"blank","boxes":` + boxes + `}`, "application/json", 204},
		{`{"id":"` + first + `","verdict":"blank","boxes":[]}`, "application/json", 409},
		{`{"id":"` + second + `","verdict":"blank","boxes":null}`, "application/json", 409},
		{`{"id":"` + second + `","verdict":"publish","boxes":null}`, "application/json", 409},
		{`{"id":"../x","verdict":"keep","boxes":null}`, "application/json", 409},
		{`{"id":"` + second + `","verdict":"keep","boxes":null}`, "text/plain", 415},
		{`nothing`, "application/json", 400},
	} {
		r, err := http.Post(s.URL+"/decide?token=secret", c.kind, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if r.StatusCode != c.want {
			t.Errorf("%s: %d %s, want %d", c.body, r.StatusCode, text, c.want)
		}
	}
	all, err := Read(dir)
	if err != nil || len(all) != 1 || all[first].Verdict != Blank {
		t.Errorf("%+v, %v", all, err)
	}
}

// The page in a real browser: two pictures are shown with their boxes, and each is decided with
// one click.
func TestBrowser(t *testing.T) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := waiting(t)
	s := httptest.NewServer(Page{Dir: dir, Token: "secret"})
	defer s.Close()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	ctx, stop = chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)...)
	defer stop()
	ctx, stop = chromedp.NewContext(ctx)
	defer stop()
	var before, after string
	var rects, width int
	err = chromedp.Run(ctx,
		chromedp.Navigate(s.URL+"/?token=secret"),
		chromedp.WaitVisible(`figure rect`, chromedp.ByQuery),
		chromedp.Text(`#left`, &before, chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelectorAll('rect').length`, &rects),
		chromedp.Evaluate(`document.querySelector('figure img').naturalWidth`, &width),
		chromedp.Click(`figure[data-id="`+first+`"] button[data-choice=blank]`, chromedp.ByQuery),
		chromedp.WaitVisible(`figure[data-id="`+first+`"] button[data-choice=blank][aria-pressed=true]`, chromedp.ByQuery),
		chromedp.Click(`figure[data-id="`+second+`"] button[data-choice=reject]`, chromedp.ByQuery),
		chromedp.WaitVisible(`figure[data-id="`+second+`"] button[data-choice=reject][aria-pressed=true]`, chromedp.ByQuery),
		chromedp.Text(`#left`, &after, chromedp.ByQuery),
	)
	if err != nil {
		t.Fatal(err)
	}
	if before != "2 to go." || !strings.HasPrefix(after, "All decided") || rects != 1 || width != 64 {
		t.Errorf("page said %q, then %q, %d boxes on a picture of %d pixels", before, after, rects, width)
	}
	all, err := Read(dir)
	if err != nil || all[first].Verdict != Blank || len(all[first].Boxes) != 1 || all[second].Verdict != Reject {
		t.Errorf("%+v, %v", all, err)
	}
}
