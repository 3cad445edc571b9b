package dataset

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Writer makes a data set folder. Add may be called concurrently; the table is
// written by Close, sorted by id.
type Writer struct {
	root  *os.Root
	extra []string

	mu    sync.Mutex
	items map[string]Item
}

// Create makes the folder (and its images and labels folders) for new items.
// It refuses a folder that holds a table already.
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
		return nil, errors.Join(fmt.Errorf("make data set folder: %s holds a %s already", dir, Table), root.Close())
	}
	return &Writer{root: root, extra: extraColumns, items: map[string]Item{}}, nil
}

// Add writes an item's files as images/<id>.png and labels/<id>.png and keeps
// its row. The paths in it are set by Add.
func (w *Writer) Add(it Item, img image.Image, label *image.Gray) error {
	if strings.ContainsAny(it.ID, `/\`) || strings.HasPrefix(it.ID, ".") {
		return fmt.Errorf("add item: id %q cannot be a file name", it.ID)
	}
	it.Image, it.Label = path.Join("images", it.ID+".png"), path.Join("labels", it.ID+".png")
	if err := it.check(""); err != nil {
		return fmt.Errorf("add item %q: %w", it.ID, err)
	}
	if len(it.Extra) != len(w.extra) {
		return fmt.Errorf("add item %q: %d extra values for %d extra columns", it.ID, len(it.Extra), len(w.extra))
	}
	if img.Bounds().Size() != label.Bounds().Size() {
		return fmt.Errorf("add item %q: image and label differ in size", it.ID)
	}
	if err := w.reserve(it); err != nil {
		return err
	}
	return errors.Join(w.encode(it.Image, img), w.encode(it.Label, label))
}

func (w *Writer) reserve(it Item) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.items[it.ID]; ok {
		return fmt.Errorf("add item: id %q is used already", it.ID)
	}
	w.items[it.ID] = it
	return nil
}

func (w *Writer) encode(name string, img image.Image) error {
	file, err := w.root.Create(filepath.FromSlash(name))
	if err != nil {
		return err
	}
	buf := bufio.NewWriterSize(file, 1<<16)
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	return errors.Join(enc.Encode(buf, img), buf.Flush(), file.Close())
}

// Close writes the table and releases the folder.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	file, err := w.root.Create(Table)
	if err != nil {
		return errors.Join(err, w.root.Close())
	}
	out := csv.NewWriter(file)
	err = out.Write(append(slices.Clone(Columns), w.extra...))
	ids := make([]string, 0, len(w.items))
	for id := range w.items {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		err = errors.Join(err, out.Write(rowOf(w.items[id])))
	}
	out.Flush()
	return errors.Join(err, out.Error(), file.Close(), w.root.Close())
}

func rowOf(it Item) []string {
	difficult := "0"
	if it.Difficult {
		difficult = "1"
	}
	return append([]string{it.ID, it.Image, it.Label, it.BodyPart, it.Polarity, it.Split, difficult, it.Source}, it.Extra...)
}
