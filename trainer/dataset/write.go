package dataset

import (
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"dicomnode/internal/durable"
)

// Writer makes a data set folder. Its methods may be called concurrently; the
// table is written by Close, sorted by id. Every file appears whole or not at
// all, so that a folder whose writing was interrupted can be written again.
type Writer struct {
	root  *os.Root
	extra []string

	mu    sync.Mutex
	items map[string]Item
}

// ErrExists means that the folder has a table already.
var ErrExists = errors.New("holds a " + Table + " already")

// Create makes the folder (and its images and labels folders) for new items.
// It refuses a folder that holds a table already with [ErrExists].
func Create(dir string, extraColumns ...string) (*Writer, error) {
	for _, sub := range []string{"images", "labels"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, fmt.Errorf("make data set folder: %w", err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("make data set folder: %w", err)
	}
	if _, err := root.Stat(Table); !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("make data set folder: %s %w", dir, ErrExists), root.Close())
	}
	return &Writer{root: root, extra: extraColumns, items: map[string]Item{}}, nil
}

// Add writes an item's files as images/<id>.png and labels/<id>.png and keeps
// its row. The paths in it are set by Add.
func (w *Writer) Add(it Item, img image.Image, label *image.Gray) error {
	if img.Bounds().Size() != label.Bounds().Size() {
		return fmt.Errorf("add item %q: image and label differ in size", it.ID)
	}
	it, err := w.reserve(it)
	if err != nil {
		return err
	}
	return errors.Join(w.encode(it.Image, img), w.encode(it.Label, label))
}

// Has reports whether an interrupted run wrote both files of an item. An empty one
// is what a failure of the power can leave.
func (w *Writer) Has(id string) bool {
	for _, name := range []string{imagePath(id), labelPath(id)} {
		if info, err := w.root.Stat(filepath.FromSlash(name)); err != nil || info.Size() == 0 {
			return false
		}
	}
	return true
}

// Keep is Add for an item whose files are there already; see [Writer.Has].
func (w *Writer) Keep(it Item) error {
	_, err := w.reserve(it)
	return err
}

func imagePath(id string) string { return path.Join("images", id+".png") }
func labelPath(id string) string { return path.Join("labels", id+".png") }

// reserve checks the item and keeps its row, with the paths of its files.
func (w *Writer) reserve(it Item) (Item, error) {
	if it.ID == "" || strings.ContainsAny(it.ID, "/\\\x00") || strings.HasPrefix(it.ID, ".") {
		return it, fmt.Errorf("add item: id %q cannot be a file name", it.ID)
	}
	it.Image, it.Label = imagePath(it.ID), labelPath(it.ID)
	if problems := it.problems(""); len(problems) > 0 {
		return it, fmt.Errorf("add item %q: %w", it.ID, problems[0])
	}
	if len(it.Extra) != len(w.extra) {
		return it, fmt.Errorf("add item %q: %d extra values for %d extra columns", it.ID, len(it.Extra), len(w.extra))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.items[it.ID]; ok {
		return it, fmt.Errorf("add item: id %q is used already", it.ID)
	}
	w.items[it.ID] = it
	return it, nil
}

func (w *Writer) encode(name string, img image.Image) error {
	return durable.WholeIn(w.root, filepath.FromSlash(name), 0o644, func(out io.Writer) error {
		enc := png.Encoder{CompressionLevel: png.BestSpeed}
		return enc.Encode(out, img)
	})
}

// Close writes the table and releases the folder.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	items := make([]Item, 0, len(w.items))
	for _, it := range w.items {
		items = append(items, it)
	}
	slices.SortFunc(items, func(a, b Item) int { return strings.Compare(a.ID, b.ID) })
	return errors.Join(writeTable(w.root, items, w.extra), w.root.Close())
}

// Abandon releases the folder without a table; what was added stays for another
// run.
func (w *Writer) Abandon() error { return w.root.Close() }

// Save writes the folder's items back to its table, in their order. The table is
// replaced whole or not at all.
func (f *Folder) Save() error {
	if err := writeTable(f.root, f.Items, f.ExtraColumns); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(f.Dir, Table), err)
	}
	return nil
}

func writeTable(root *os.Root, items []Item, extra []string) error {
	return durable.ReplaceIn(root, Table, 0o644, func(w io.Writer) error {
		out := csv.NewWriter(w)
		err := out.Write(append(slices.Clone(Columns), extra...))
		for _, it := range items {
			err = errors.Join(err, out.Write(rowOf(it)))
		}
		out.Flush()
		return errors.Join(err, out.Error())
	})
}

func rowOf(it Item) []string {
	difficult := "0"
	if it.Difficult {
		difficult = "1"
	}
	return append([]string{it.ID, it.Image, it.Label, it.BodyPart, it.Polarity, it.Split, difficult, it.Source}, it.Extra...)
}

// ReplaceTable writes the table of a folder whose files others wrote, sorted by id.
// It replaces a table whole or not at all.
func ReplaceTable(dir string, items []Item, extra []string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("write %s: %w", Table, err)
	}
	items = slices.SortedFunc(slices.Values(items), func(a, b Item) int { return strings.Compare(a.ID, b.ID) })
	return errors.Join(writeTable(root, items, extra), root.Close())
}
