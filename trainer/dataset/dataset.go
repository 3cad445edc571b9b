// Package dataset reads and writes the trainer's data set folder: dataset.csv
// beside PNG images and PNG labels.
//
// dataset.csv begins with the columns of [Columns]; more columns may follow and
// are kept in [Item.Extra]. Images are PNG of 8 or 16 bits per sample, grey (RGB
// is averaged); labels are 8-bit grey PNG of the same size with the values
// [OpenBeam], [SoftTissue], [Bone] and [Ignore]. A file named by the table must
// lie inside the folder. The package holds no DICOM; the node's export writes
// such folders.
package dataset

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Label values, the class indices of XNet's output, and [Ignore] for pixels that
// are not scored (unexposed border, markers, what nobody can decide).
const (
	OpenBeam   = 0
	SoftTissue = 1
	Bone       = 2
	Ignore     = 255
	Classes    = 3
)

// ClassNames are the names of the classes in the order of their indices.
var ClassNames = [Classes]string{"open beam", "soft tissue", "bone"}

// Values of the polarity column: which end of the scale the open beam is at.
const (
	AirBright = "air_bright"
	AirDark   = "air_dark"
)

// Values of the split column. An empty split counts as [Train] when fitting.
const (
	Train      = "train"
	Validation = "val" // "validation" is read as this
	Test       = "test"
)

// Table is the name of the table inside a folder.
const Table = "dataset.csv"

// Columns are the columns every table begins with, in this order.
var Columns = []string{"id", "image", "label", "body_part", "polarity", "split", "difficult", "source"}

// maxTable bounds the table's size in bytes, maxItems its rows.
const (
	maxTable = 256 << 20
	maxItems = 2_000_000
)

// Item is one row: an image with its label.
type Item struct {
	ID        string // unique in the folder
	Image     string // path of the image, relative to the folder, slash-separated
	Label     string // path of the label, the same
	BodyPart  string // free text such as "hand"
	Polarity  string // AirBright or AirDark
	Split     string // "", Train, Validation or Test
	Difficult bool
	Source    string
	Extra     []string // further columns, in the order of Folder.ExtraColumns
}

// Folder is an opened data set folder. Close it after use.
type Folder struct {
	Dir          string
	Items        []Item
	ExtraColumns []string
	root         *os.Root
}

// Open reads the folder's table. It checks every row, and that the paths stay
// inside the folder, but opens no image.
func Open(dir string) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open data set folder: %w", err)
	}
	f := &Folder{Dir: dir, root: root}
	if err := f.readTable(); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", filepath.Join(dir, Table), err), root.Close())
	}
	return f, nil
}

// Close releases the folder.
func (f *Folder) Close() error { return f.root.Close() }

func (f *Folder) readTable() error {
	file, err := f.root.Open(Table)
	if err != nil {
		return err
	}
	defer file.Close()
	f.Items, f.ExtraColumns, err = parseTable(io.LimitReader(file, maxTable))
	return err
}

// parseTable reads a table and checks it row by row.
func parseTable(r io.Reader) ([]Item, []string, error) {
	in := csv.NewReader(r)
	header, err := in.Read()
	if err != nil {
		return nil, nil, fmt.Errorf("read the header: %w", err)
	}
	if len(header) < len(Columns) || !slices.Equal(header[:len(Columns)], Columns) {
		return nil, nil, fmt.Errorf("the header is %q, want it to begin with %q",
			strings.Join(header, ","), strings.Join(Columns, ","))
	}
	var items []Item
	seen := map[string]int{}
	for {
		row, err := in.Read()
		if err == io.EOF {
			return items, slices.Clone(header[len(Columns):]), nil
		}
		if err != nil {
			return nil, nil, err
		}
		line, _ := in.FieldPos(0)
		it := itemOf(row)
		if it.Split == "validation" {
			it.Split = Validation
		}
		if err := it.check(row[6]); err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", line, err)
		}
		if first, ok := seen[it.ID]; ok {
			return nil, nil, fmt.Errorf("line %d: id %q is used on line %d already", line, it.ID, first)
		}
		if len(items) == maxItems {
			return nil, nil, fmt.Errorf("more than %d rows", maxItems)
		}
		seen[it.ID] = line
		items = append(items, it)
	}
}

func itemOf(row []string) Item {
	return Item{ID: row[0], Image: row[1], Label: row[2], BodyPart: row[3], Polarity: row[4],
		Split: row[5], Difficult: row[6] == "1" || row[6] == "true", Source: row[7],
		Extra: slices.Clone(row[len(Columns):])}
}

// check reports what is wrong with the item; difficult is the column as written.
func (it Item) check(difficult string) error {
	switch {
	case it.ID == "":
		return errors.New("id is empty")
	case !local(it.Image):
		return fmt.Errorf("image %q is not a path inside the folder", it.Image)
	case !local(it.Label):
		return fmt.Errorf("label %q is not a path inside the folder", it.Label)
	case it.Polarity != AirBright && it.Polarity != AirDark:
		return fmt.Errorf("polarity %q is neither %s nor %s", it.Polarity, AirBright, AirDark)
	case !slices.Contains([]string{"", Train, Validation, Test}, it.Split):
		return fmt.Errorf("split %q is none of %s, %s, %s or empty", it.Split, Train, Validation, Test)
	case !slices.Contains([]string{"", "0", "1", "true", "false"}, difficult):
		return fmt.Errorf("difficult is %q, want 0 or 1", difficult)
	}
	return nil
}

func local(p string) bool { return p != "" && filepath.IsLocal(filepath.FromSlash(p)) }
