package importer

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dicomnode/trainer/dataset"
)

// Painted imports images with label pictures painted in colours. An image and its
// label have the same path below their folders, but for the extension. Where the
// images are those of "trainer export", its manifest beside them tells the patient's
// pseudonym, body part, polarity and pixel size of each.
type Painted struct {
	Images, Labels string // folders, searched with their folders
	LabelSuffix    string // what the label's name has more, such as "_label"
	Out            string
	Palette        Palette
	KeepUnknown    bool   // unknown colours become Ignore instead of a problem
	Polarity       string // AirBright or AirDark; "": found from each label
	BodyPart       string // of all images; "": the name of the folder an image is in
	Source         string
	Workers        int // 0: one per CPU
}

// Run imports. progress, which may be nil, is called after each image, never
// concurrently. The error is [ErrProblems] where the result's problems tell why
// nothing was written.
func (p Painted) Run(ctx context.Context, progress func(done, total int)) (*Result, error) {
	images, err := pictures(p.Images, ".png", ".tif", ".tiff")
	if err != nil {
		return nil, err
	}
	labels, err := pictures(p.Labels, ".png", ".tif", ".tiff")
	if err != nil {
		return nil, err
	}
	known, err := readManifest(p.Images)
	if err != nil {
		return nil, err
	}
	var extra []string
	if known != nil {
		extra = columns
	}
	r := &report{}
	stems := p.match(r, images, labels)
	err = stage(p.Out, r, extra, func(w *dataset.Writer) error {
		return each(ctx, len(stems), p.Workers, progress, func(i int) error {
			s := stems[i]
			return p.add(r, w, s, images[s], labels[s+p.LabelSuffix], known)
		})
	})
	if err == nil {
		r.result.Images = len(stems)
	}
	return r.finish(), err
}

// pictures lists the files of a folder by their slash-separated path below it
// without extension.
func pictures(dir string, extensions ...string) (map[string]string, error) {
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		ext := filepath.Ext(name)
		if err != nil || !d.Type().IsRegular() || !slices.Contains(extensions, strings.ToLower(ext)) {
			return err
		}
		below, err := filepath.Rel(dir, strings.TrimSuffix(name, ext))
		if err != nil {
			return err
		}
		stem := filepath.ToSlash(below)
		if other, ok := out[stem]; ok {
			return fmt.Errorf("%s and %s differ only in their extensions", other, name)
		}
		out[stem] = name
		return nil
	})
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("%w (%s) in %s", ErrNoPicture, strings.Join(extensions, ", "), dir)
	}
	return out, err
}

// match lists the stems that have both; an image without a label is left out, a
// label without an image is a problem.
func (p Painted) match(r *report, images, labels map[string]string) []string {
	var stems []string
	same := filepath.Clean(p.Images) == filepath.Clean(p.Labels)
	for stem, file := range images {
		_, labelled := labels[stem+p.LabelSuffix]
		switch {
		case same && p.LabelSuffix != "" && strings.HasSuffix(stem, p.LabelSuffix): // is a label
		case labelled:
			stems = append(stems, stem)
		default:
			r.note(file, "has no label and was left out", "")
		}
	}
	for name, file := range labels {
		stem, ok := strings.CutSuffix(name, p.LabelSuffix)
		if _, has := images[stem]; (!ok || !has) && !same {
			r.problem(file, "belongs to no image", "a label has its image's name; --label-suffix tells what its name has more")
		}
	}
	slices.Sort(stems)
	return stems
}

// add imports one image; what is wrong with it is reported, an error is one of
// writing.
func (p Painted) add(r *report, w *dataset.Writer, stem, imageFile, labelFile string, known map[string]exported) error {
	img, ok := open(r, imageFile)
	if !ok {
		return nil
	}
	painting, ok := open(r, labelFile)
	if !ok {
		return nil
	}
	if a, b := img.Bounds().Size(), painting.Bounds().Size(); a != b {
		r.problem(labelFile, fmt.Sprintf("is %d×%d pixels, its image %d×%d", b.X, b.Y, a.X, a.Y), "export the label without scaling or cropping")
		return nil
	}
	label, _, unknown := p.Palette.Resolve(painting)
	p.tell(r, labelFile, unknown)
	it := dataset.Item{ID: strings.ReplaceAll(stem, "/", "_"), BodyPart: p.bodyPart(stem), Source: p.Source}
	if !p.about(&it, stem, known) && known != nil {
		r.note(imageFile, "is not in the manifest of the export: it counts as a patient of its own", "")
	}
	if it.Polarity = known[path.Base(stem)].Polarity; p.Polarity != "" || it.Polarity == "" {
		it.Polarity = p.polarity(r, imageFile, img, label)
	}
	return w.Add(it, img, label)
}

func open(r *report, name string) (image.Image, bool) {
	file, err := os.Open(name)
	if err == nil {
		defer file.Close()
		var img image.Image
		if img, err = dataset.DecodePicture(file); err == nil {
			return img, true
		}
	}
	hint := "open it in an image editor and export it again"
	if errors.Is(err, dataset.ErrFormat) {
		hint = "export it as PNG or TIFF; JPEG blurs the colours of labels and the pixels of images"
	}
	r.problem(name, err.Error(), hint)
	return nil, false
}

// shown is how many unknown colours are listed.
const shown = 8

// tell lists unknown colours with their counts.
func (p Painted) tell(r *report, file string, unknown []Unknown) {
	if len(unknown) == 0 {
		return
	}
	var parts []string
	total := 0
	for i, u := range unknown {
		total += u.Pixels
		if i < shown {
			parts = append(parts, fmt.Sprintf("%s %d× (first at column %d row %d)", u.Colour, u.Pixels, u.Column, u.Row))
		}
	}
	if len(unknown) > shown {
		parts = append(parts, fmt.Sprintf("and %d more colours", len(unknown)-shown))
	}
	what := fmt.Sprintf("%d pixels of unknown colours: %s", total, strings.Join(parts, ", "))
	if p.KeepUnknown {
		r.note(file, what+"; they are ignored", "")
		return
	}
	r.problem(file, what, "name a colour with --ignore, widen --tolerance, or --unknown ignore takes none of these pixels")
}

func (p Painted) bodyPart(stem string) string {
	if p.BodyPart != "" {
		return p.BodyPart
	}
	if dir := path.Base(path.Dir(stem)); dir != "." {
		return dir
	}
	return ""
}

// polarity is the one given, or where the open beam is.
func (p Painted) polarity(r *report, file string, img image.Image, label *image.Gray) string {
	if p.Polarity != "" {
		return p.Polarity
	}
	guess, _, ok := dataset.GuessPolarity(dataset.Greys(img), label.Pix)
	if !ok {
		r.problem(file, "its polarity cannot be found: the label has no open beam, or nothing but it", "name it with --polarity")
		return dataset.AirBright
	}
	return guess
}
