package dataset

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// examined is what the pictures of one item hold.
type examined struct {
	item     Item
	line     int
	content  [sha256.Size]byte // of the image's size and samples; zero where it cannot be read
	values   [256]int64        // pixels of the label by value
	problems []Problem
}

func (e *examined) add(severity Severity, column, what, hint string) {
	e.problems = append(e.problems, Problem{Severity: severity, Line: e.line, ID: e.item.ID, Column: column, What: what, Hint: hint})
}

// examine reads an item's pictures and finds their problems.
func (f *Folder) examine(it Item, line int) *examined {
	e := &examined{item: it, line: line}
	img := f.read(e, "image", it.Image, pngFormat, tiffFormat)
	lab := f.read(e, "label", it.Label, pngFormat)
	var pix []float32
	if img != nil {
		pix = Greys(img)
		e.content = contentOf(img, pix)
		e.checkImage(pix)
	}
	if lab == nil {
		return e
	}
	values, err := labelValues(lab)
	if err != nil {
		e.add(Wrong, "label", fmt.Sprintf("%s %v", it.Label, err),
			"labels painted in colours are imported with \"dicomnode trainer dataset import-colours\"")
		return e
	}
	for _, v := range values {
		e.values[v]++
	}
	e.checkValues()
	if img == nil {
		return e
	}
	if a, b := img.Bounds().Size(), lab.Bounds().Size(); a != b {
		e.add(Wrong, "label", fmt.Sprintf("the image is %d×%d pixels, its label %d×%d", a.X, a.Y, b.X, b.Y),
			"make the label from this very image; scaling a label afterwards moves its edges")
		return e
	}
	e.checkPolarity(pix, values)
	return e
}

// read decodes one of the item's files; nil with a problem where it cannot.
func (f *Folder) read(e *examined, column, name string, formats ...format) image.Image {
	img, err := f.decode(name, formats...)
	if err == nil {
		return img
	}
	hint := "open it in an image editor and export it again"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.add(Wrong, column, fmt.Sprintf("%s is missing", name), "put the file there or remove the row; capital and small letters differ")
		return nil
	case errors.Is(err, ErrFormat):
		hint = "export it as one of these; JPEG changes the pixels and is not read"
	case strings.Contains(err.Error(), "escapes"):
		hint = "the name is a link that leaves the folder: copy the file into the folder"
	}
	e.add(Wrong, column, err.Error(), hint)
	return nil
}

func (e *examined) checkImage(pix []float32) {
	if low, high := slices.Min(pix), slices.Max(pix); low == high {
		e.add(Wrong, "image", fmt.Sprintf("%s has the same value in every pixel", e.item.Image), "export the stored values, not a window of them")
	}
}

// contentOf identifies an image by its pixels, whatever file they are in.
func contentOf(img image.Image, pix []float32) (sum [sha256.Size]byte) {
	h := sha256.New()
	fmt.Fprint(h, img.Bounds().Size())
	line := make([]byte, 0, 2*4096)
	for _, v := range pix {
		u := uint16(v*65535 + 0.5)
		if line = append(line, byte(u>>8), byte(u)); len(line) == cap(line) {
			h.Write(line)
			line = line[:0]
		}
	}
	h.Write(line)
	return [sha256.Size]byte(h.Sum(nil))
}

// checkValues lists the label's unknown values with their counts.
func (e *examined) checkValues() {
	var unknown []string
	for v, n := range e.values {
		if n > 0 && v > Bone && v != Ignore {
			unknown = append(unknown, fmt.Sprintf("%d (%s)", v, pixels(n)))
			e.values[v] = 0
		}
	}
	if len(unknown) > 0 {
		what := strings.Join(unknown[:min(len(unknown), 8)], ", ")
		hint := "0 is open beam, 1 soft tissue, 2 bone, 255 ignored; a value that means one of them is replaced in an image editor"
		if len(unknown) > 8 {
			what += fmt.Sprintf(" and %d more values", len(unknown)-8)
			hint = "it looks like a picture or a scaled label: scale labels without interpolation, and see \"import-colours\" for painted ones"
		}
		e.add(Wrong, "label", fmt.Sprintf("%s has the unknown values %s", e.item.Label, what), hint)
	}
	if e.values[OpenBeam]+e.values[SoftTissue]+e.values[Bone] == 0 {
		e.add(Wrong, "label", fmt.Sprintf("%s labels no pixel", e.item.Label), "remove the row, or label the picture: all of it is ignored")
	}
}

func pixels(n int64) string {
	if n == 1 {
		return "1 pixel"
	}
	return strconv.FormatInt(n, 10) + " pixels"
}

// brighter is by how much of the image's range bone may be brighter than the open
// beam before the polarity is doubted.
const brighter = 0.05

// checkPolarity compares the open beam with what weakens the beam.
func (e *examined) checkPolarity(pix []float32, values []uint8) {
	polarity, margin, ok := GuessPolarity(pix, values)
	if !ok || polarity == e.item.Polarity || margin < brighter {
		return
	}
	e.add(Warning, "polarity", fmt.Sprintf("polarity is %s, but the pixels labelled open beam look %s", e.item.Polarity, polarity),
		fmt.Sprintf("write %s, or look whether the label's classes are exchanged", polarity))
}

// GuessPolarity finds a picture's polarity from its label: which side of the
// densest labelled class the open beam is on. margin is the distance of their
// means as a part of the image's range; ok is false where a class it needs is absent
// or the image is constant.
func GuessPolarity(pix []float32, label []uint8) (polarity string, margin float32, ok bool) {
	var sum [Classes]float64
	var n [Classes]int
	for i, c := range label {
		if c < Classes {
			sum[c] += float64(pix[i])
			n[c]++
		}
	}
	dense := Bone
	if n[Bone] == 0 {
		dense = SoftTissue
	}
	if n[OpenBeam] == 0 || n[dense] == 0 {
		return "", 0, false
	}
	span := slices.Max(pix) - slices.Min(pix)
	if span == 0 {
		return "", 0, false
	}
	d := float32(sum[OpenBeam]/float64(n[OpenBeam])-sum[dense]/float64(n[dense])) / span
	if d < 0 {
		return AirDark, -d, true
	}
	return AirBright, d, true
}
