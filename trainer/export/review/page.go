package review

import (
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"os"
	"path/filepath"
)

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("page").Parse(pageHTML))

// Page serves the pictures of a folder that wait for review, and accepts decisions. A request
// must have the token, in the query or in the cookie that the first visit sets.
type Page struct {
	Dir   string
	Token string
}

// NewToken returns a token that cannot be guessed.
func NewToken() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

const cookie = "dicomnode_review"

// ServeHTTP serves the page and its pictures, and accepts decisions.
func (p Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'")
	given := r.URL.Query().Get("token")
	if given == "" {
		if c, err := r.Cookie(cookie); err == nil {
			given = c.Value
		}
	}
	if p.Token == "" || subtle.ConstantTimeCompare([]byte(given), []byte(p.Token)) != 1 {
		http.Error(w, "open the address that \"trainer export review\" printed", http.StatusForbidden)
		return
	}
	switch {
	case r.URL.Path == "/" && r.Method == http.MethodGet:
		p.show(w)
	case r.URL.Path == "/picture" && r.Method == http.MethodGet:
		p.picture(w, r.URL.Query().Get("id"))
	case r.URL.Path == "/decide" && r.Method == http.MethodPost:
		p.decide(w, r)
	default:
		http.NotFound(w, r)
	}
}

// row is a picture on the page.
type row struct {
	Waiting
	Verdict           Verdict
	JSON, Inner, Fill string // the boxes, the doubtful ones, and those that were added
}

func (p Page) show(w http.ResponseWriter) {
	waiting, err := List(p.Dir)
	decisions, err2 := Read(p.Dir)
	if err = errors.Join(err, err2); err != nil {
		http.Error(w, "the pictures cannot be read", http.StatusInternalServerError)
		return
	}
	rows := make([]row, 0, len(waiting))
	for _, v := range waiting {
		d := decisions[v.ID]
		if !d.Matches(v.Boxes, v.Graphics) {
			d = Decision{}
		}
		b, _ := json.Marshal(v.Boxes) // encoding numbers cannot fail
		in, _ := json.Marshal(v.Inside)
		fill, _ := json.Marshal(d.Fill)
		rows = append(rows, row{v, d.Verdict, string(b), string(in), string(fill)})
	}
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: p.Token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, rows) // fails only if the connection is lost
}

func (p Page) picture(w http.ResponseWriter, id string) {
	if !identifier.MatchString(id) {
		http.Error(w, "no such picture", http.StatusNotFound)
		return
	}
	b, err := os.ReadFile(filepath.Join(p.Dir, id+".png"))
	if err != nil {
		http.Error(w, "no such picture", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(b) // fails only if the connection is lost
}

// maxDecision is the greatest size of a decision's body in bytes.
const maxDecision = 1 << 20

// decide accepts a decision as JSON. Pages of other origins cannot send one: the cookie is
// SameSite, and forms cannot send this content type.
func (p Page) decide(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "want application/json", http.StatusUnsupportedMediaType)
		return
	}
	var d Decision
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxDecision)).Decode(&d); err != nil {
		http.Error(w, "no decision", http.StatusBadRequest)
		return
	}
	if err := Decide(p.Dir, d); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
