package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// configure writes the configuration of the site's node, site.yaml. Where a page names
// dicomnode.yaml it is this one, but where the page writes or checks it.
func (s *site) configure(pacs string) {
	text := fmt.Sprintf(`node: {ae_title: XNET, listen: "127.0.0.1:%d", data_dir: data}
peers:
  - {name: modality, ae_title: MODALITY, address: 127.0.0.1}
  - {name: pacs, ae_title: PACS, address: %q}
routes:
  - {name: radiographs, from: [modality], send_to: [pacs]}
segmentation: {effort: fast}
`, s.port, pacs)
	if err := os.WriteFile(filepath.Join(s.dir, "site.yaml"), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// serve starts the node.
func (s *site) serve() {
	s.node = exec.Command("dicomnode", "serve", "--config", "site.yaml")
	s.node.Dir = s.dir
	stderr, err := s.node.StderrPipe()
	if err == nil {
		err = s.node.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "msg=listening") {
			go func() { _, _ = io.Copy(io.Discard, stderr) }() // until the node ends
			return
		}
	}
	s.t.Fatal("the node ended instead of listening")
}

// stop ends the node, if it runs.
func (s *site) stop() {
	if s.node == nil {
		return
	}
	_ = s.node.Process.Signal(syscall.SIGTERM) // it may have ended
	_ = s.node.Wait()
	s.node = nil
}

// unsplit forgets the split of a simulated data set: a page divides it.
func (s *site) unsplit(folder string) {
	s.rows(folder, func(head, row []string) {
		for i, name := range head {
			if name == "split" {
				row[i] = ""
			}
		}
	})
}

// rows rewrites each row of a data set's table.
func (s *site) rows(folder string, change func(head, row []string)) {
	s.t.Helper()
	name := filepath.Join(s.dir, folder, "dataset.csv")
	text, err := os.ReadFile(name)
	if err != nil {
		s.t.Fatal(err)
	}
	table, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || len(table) < 2 {
		s.t.Fatalf("%d rows, %v", len(table), err)
	}
	var b strings.Builder
	for i, row := range table {
		if i > 0 {
			change(table[0], row)
		}
	}
	if err := csv.NewWriter(&b).WriteAll(table); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// paints are the colours of docs/dataset.md for open beam, soft tissue and bone; what is
// ignored is painted as open beam.
var paints = map[uint8]color.NRGBA{0: {B: 255, A: 255}, 1: {R: 255, A: 255}, 2: {G: 255, A: 255}, 255: {B: 255, A: 255}}

// paint copies the images of a data set to xrays, and their labels in colours to painted.
func (s *site) paint(folder string) {
	images, err := filepath.Glob(filepath.Join(s.dir, folder, "images", "*.png"))
	if err != nil || len(images) == 0 {
		s.t.Fatalf("%d images, %v", len(images), err)
	}
	for _, name := range images {
		picture, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(s.dir, "xrays", filepath.Base(name)), picture, 0o644)
		}
		if err == nil {
			err = paintLabel(filepath.Join(s.dir, folder, "labels", filepath.Base(name)), filepath.Join(s.dir, "painted", filepath.Base(name)))
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

func paintLabel(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	label, err := png.Decode(in)
	if err != nil {
		return err
	}
	painted := image.NewNRGBA(label.Bounds())
	for y := range label.Bounds().Dy() {
		for x := range label.Bounds().Dx() {
			grey := color.GrayModel.Convert(label.At(x, y)).(color.Gray)
			painted.SetNRGBA(x, y, paints[grey.Y])
		}
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	return png.Encode(out, painted)
}
