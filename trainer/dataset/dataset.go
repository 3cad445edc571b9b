// Package dataset reads, checks and writes the trainer's data set folder:
// dataset.csv beside images and labels.
//
// dataset.csv begins with the columns of [Columns]; more columns may follow and
// are kept in [Item.Extra]. Images are PNG or TIFF of 8 or 16 bits per sample,
// grey (RGB is averaged); labels are 8-bit grey PNG of the same size with the
// values [OpenBeam], [SoftTissue], [Bone] and [Ignore]. A file named by the table
// must lie inside the folder. [Check] explains everything that is wrong with a
// folder. The package holds no DICOM; importers make such folders.
package dataset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"dicomnode/segment/picture"
)

// Label values, the class indices of XNet's output, and [Ignore] for pixels that are not scored
// (unexposed border, markers, whatever cannot be decided).
const (
	OpenBeam   = picture.OpenBeam
	SoftTissue = picture.SoftTissue
	Bone       = picture.Bone
	Ignore     = picture.Ignore
	Classes    = picture.Classes
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

// PatientColumn is the further column whose equal values are images of one
// patient: a pseudonym, never a name or number of the hospital.
const PatientColumn = "patient"

// SpacingColumn is the further column with the millimetres per pixel of an image
// as stored, empty where they are unknown.
const SpacingColumn = "spacing_mm"

// FieldColumn is the further column with the path of the exposed field: an 8-bit grey
// PNG of the image's size, 255 where the beam reached and nothing hides it, else 0.
const FieldColumn = "field"

// OriginColumn is the further column that names the id an augmented image was
// made from.
const OriginColumn = "origin"

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
	t := readTable(file)
	if len(t.problems) > 0 {
		return t.problems[0]
	}
	f.Items, f.ExtraColumns = t.items, t.extra
	return nil
}

// Extra returns the item's value in one of the further columns, "" where the
// table has no such column.
func (f *Folder) Extra(it Item, column string) string {
	if i := slices.Index(f.ExtraColumns, column); i >= 0 && i < len(it.Extra) {
		return it.Extra[i]
	}
	return ""
}
