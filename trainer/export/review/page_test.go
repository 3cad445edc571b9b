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

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"dicomnode/trainer/export/burned"
)

const first, second = "00112233445566aa", "00112233445566bb"

var doubtful = burned.Box{Left: 60, Top: 50, Width: 20, Height: 10}

// waiting returns a folder with two pictures; the first has a box, the second a doubtful place.
func waiting(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	m := image.NewGray(image.Rect(0, 0, 64, 48))
	m.SetGray(5, 5, color.Gray{Y: 200})
	for _, w := range []Waiting{{ID: first, Boxes: []burned.Box{{Left: 4, Top: 4, Width: 30, Height: 10}}, Width: 128, Height: 96}, {ID: second, Inside: []burned.Box{doubtful}, Width: 128, Height: 96}} {
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
		{`{"id":"` + second + `","verdict":"blank","boxes":null,"fill":[{"left":120,"top":4,"width":9,"height":1}]}`, "application/json", 409},
		{`{"id":"` + second + `","verdict":"blank","boxes":null,"fill":[{"left":1,"top":4,"width":0,"height":1}]}`, "application/json", 409},
		{`{"id":"` + second + `","verdict":"keep","boxes":null,"fill":[{"left":1,"top":4,"width":9,"height":1}]}`, "application/json", 409},
		{`{"id":"` + second + `","verdict":"blank","boxes":null,"fill":[{"left":119,"top":95,"width":9,"height":1}]}`, "application/json", 204},
		{`{"id":"` + second + `","verdict":"","boxes":null}`, "application/json", 204},
		{`{"id":"` + second + `","verdict":"","boxes":null}`, "application/json", 204},
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

// browser opens the page of a folder in a real browser.
func browser(t *testing.T, dir string) (ctx context.Context, address string) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	s := httptest.NewServer(Page{Dir: dir, Token: "secret"})
	t.Cleanup(s.Close)
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	return ctx, s.URL + "/?token=secret"
}

// button is the selector of a button, in a state if pressed is not "".
func button(id, choice, pressed string) string {
	out := `figure[data-id="` + id + `"] button[data-choice=` + choice + `]`
	if pressed != "" {
		out += `[aria-pressed=` + pressed + `]`
	}
	return out
}

// The page in a real browser: two pictures are shown with their boxes, and each is decided with
// one click.
func TestBrowser(t *testing.T) {
	dir := waiting(t)
	ctx, address := browser(t, dir)
	var before, after string
	var rects, width int
	err := chromedp.Run(ctx,
		chromedp.Navigate(address),
		chromedp.WaitVisible(`figure rect`, chromedp.ByQuery),
		chromedp.Text(`#left`, &before, chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelectorAll('rect').length`, &rects),
		chromedp.Poll(`document.querySelector('figure img').naturalWidth`, &width),
		chromedp.Click(button(first, "blank", ""), chromedp.ByQuery),
		chromedp.WaitVisible(button(first, "blank", "true"), chromedp.ByQuery),
		chromedp.Click(button(second, "reject", ""), chromedp.ByQuery),
		chromedp.WaitVisible(button(second, "reject", "true"), chromedp.ByQuery),
		chromedp.Text(`#left`, &after, chromedp.ByQuery),
	)
	if err != nil {
		t.Fatal(err)
	}
	if before != "2 to go." || !strings.HasPrefix(after, "All decided") || rects != 2 || width != 64 {
		t.Errorf("page said %q, then %q, %d boxes on a picture of %d pixels", before, after, rects, width)
	}
	all, err := Read(dir)
	if err != nil || all[first].Verdict != Blank || len(all[first].Boxes) != 1 || len(all[first].Fill) != 0 || all[second].Verdict != Reject {
		t.Errorf("%+v, %v", all, err)
	}
}

// A doubtful place is filled once it was clicked, and so is a box that was drawn. Another click
// undoes that, and with it the decision.
func TestFill(t *testing.T) {
	dir := waiting(t)
	ctx, address := browser(t, dir)
	const undecided = "2 to go."
	var at struct{ X, Y float64 }
	mouse := func(kind input.MouseType, x, y float64) chromedp.Action { // in pixels of the preview
		return chromedp.ActionFunc(func(ctx context.Context) error {
			return input.DispatchMouseEvent(kind, at.X+x, at.Y+y).WithButton(input.Left).WithButtons(1).WithClickCount(1).Do(ctx)
		})
	}
	err := chromedp.Run(ctx,
		chromedp.Navigate(address),
		chromedp.Poll(`document.querySelectorAll('figure img')[1].naturalWidth`, nil),
		chromedp.ScrollIntoView(`figure[data-id="`+second+`"] img`, chromedp.ByQuery),
		chromedp.Evaluate(`(({x, y}) => ({x, y}))(document.querySelectorAll('figure svg')[1].getBoundingClientRect())`, &at),
		chromedp.WaitNotVisible(button(second, "blank", ""), chromedp.ByQuery),
		mouse(input.MousePressed, 32, 27), mouse(input.MouseReleased, 32, 27),
		mouse(input.MousePressed, 5, 5), mouse(input.MouseMoved, 20, 12), mouse(input.MouseMoved, 25, 15), mouse(input.MouseReleased, 25, 15),
		chromedp.Click(button(second, "blank", "false"), chromedp.ByQuery),
		chromedp.WaitVisible(button(second, "blank", "true"), chromedp.ByQuery),
	)
	if err != nil {
		t.Fatal(err)
	}
	all, err := Read(dir)
	if d := all[second]; err != nil || d.Verdict != Blank || len(d.Fill) != 2 || d.Fill[0] != doubtful || d.Fill[1] != (burned.Box{Left: 10, Top: 10, Width: 40, Height: 20}) {
		t.Fatalf("%+v, %v", all, err)
	}
	var again string
	err = chromedp.Run(ctx,
		chromedp.Reload(),
		chromedp.WaitVisible(button(second, "blank", "true"), chromedp.ByQuery),
		chromedp.Focus(`figure[data-id="`+second+`"] rect.inside[aria-pressed=true]`, chromedp.ByQuery),
		chromedp.KeyEvent(kb.Enter),
		chromedp.WaitVisible(button(second, "blank", "false"), chromedp.ByQuery),
		chromedp.Text(`#left`, &again, chromedp.ByQuery),
	)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := Read(dir); err != nil || len(all) != 0 || again != undecided {
		t.Errorf("%+v, %v, page says %q", all, err, again)
	}
}
