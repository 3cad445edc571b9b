package dataset

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// maxProblems limits the number of reported problems of one table.
const maxProblems = 1000

// table is dataset.csv as read: the rows without a problem, and the problems.
type table struct {
	items    []Item
	lines    []int // of the items, 1-based
	extra    []string
	problems []Problem
}

// readTable reads a whole table and continues after a bad row.
func readTable(r io.Reader) *table {
	t := &table{}
	in := csv.NewReader(withoutMark(io.LimitReader(r, maxTable)))
	in.FieldsPerRecord = -1
	header, err := in.Read()
	if err != nil {
		t.add(Problem{Line: 1, What: fmt.Sprintf("read the header: %v", err), Hint: "the first line is " + strings.Join(Columns, ",")})
		return t
	}
	if len(header) < len(Columns) || !slices.Equal(header[:len(Columns)], Columns) {
		t.add(headerProblem(header))
		return t
	}
	t.extra = slices.Clone(header[len(Columns):])
	t.rows(in, len(header))
	return t
}

// withoutMark skips the byte order mark that spreadsheet programs put in front
// of UTF-8 text.
func withoutMark(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if mark, err := b.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		_, _ = b.Discard(3) // they were peeked at
	}
	return b
}

func headerProblem(header []string) Problem {
	p := Problem{Line: 1, What: fmt.Sprintf("the header is %q, want it to begin with %q", strings.Join(header, ","), strings.Join(Columns, ",")),
		Hint: "the first columns have fixed names and a fixed order; columns of your own follow them"}
	var missing []string
	for _, c := range Columns {
		if !slices.Contains(header, c) {
			missing = append(missing, c)
		}
	}
	switch {
	case len(header) == 1 && strings.Contains(header[0], ";"):
		p.Hint = "columns are separated by commas, not semicolons"
	case len(missing) > 0:
		p.Hint = "missing: " + strings.Join(missing, ", ") + "; a column may be empty in every row"
	}
	return p
}

func (t *table) add(p Problem) { t.problems = append(t.problems, p) }

func (t *table) rows(in *csv.Reader, columns int) {
	seen := map[string]int{}
	for len(t.problems) < maxProblems {
		row, err := in.Read()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.add(syntaxProblem(err))
			return
		}
		line, _ := in.FieldPos(0)
		if len(t.items) == maxItems {
			t.add(Problem{Line: line, What: fmt.Sprintf("more than %d rows", maxItems), Hint: "split the data set into folders"})
			return
		}
		t.row(row, line, columns, seen)
	}
}

// syntaxProblem is what the CSV reader cannot go on after.
func syntaxProblem(err error) Problem {
	p := Problem{What: err.Error(), Hint: `write a double quote inside a field as "" and the field in double quotes; nothing after this line was read`}
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		p.Line, p.What = parse.Line, parse.Err.Error()
	}
	return p
}

func (t *table) row(row []string, line, columns int, seen map[string]int) {
	if len(row) != columns {
		t.add(Problem{Line: line, ID: row[0], What: fmt.Sprintf("wrong number of fields: %d, the header has %d", len(row), columns),
			Hint: "a field that holds a comma is written in double quotes"})
		return
	}
	it := itemOf(row)
	before := len(t.problems)
	for _, p := range it.problems(row[6]) {
		p.Line = line
		t.add(p)
	}
	if first, ok := seen[it.ID]; ok && it.ID != "" {
		t.add(Problem{Line: line, ID: it.ID, Column: "id", What: fmt.Sprintf("id %q is used on line %d already", it.ID, first),
			Hint: "give every row an id of its own"})
	} else {
		seen[it.ID] = line
	}
	if len(t.problems) == before {
		t.items, t.lines = append(t.items, it), append(t.lines, line)
	}
}

func itemOf(row []string) Item {
	it := Item{ID: row[0], Image: row[1], Label: row[2], BodyPart: row[3], Polarity: row[4],
		Split: row[5], Difficult: row[6] == "1" || row[6] == "true", Source: row[7],
		Extra: slices.Clone(row[len(Columns):])}
	if it.Split == "validation" {
		it.Split = Validation
	}
	return it
}

// problems reports what is wrong with the row; difficult is the column as written.
func (it Item) problems(difficult string) []Problem {
	inside := "name a file below the folder, with / between folders and without .."
	var out []Problem
	for _, c := range []struct {
		wrong        bool
		column, hint string
		format       string
		value        string
	}{
		{it.ID == "", "id", "give every row an id of its own", "id is empty%.0s", ""},
		{!local(it.Image), "image", inside, "image %q is not a path inside the folder", it.Image},
		{!local(it.Label), "label", inside, "label %q is not a path inside the folder", it.Label},
		{it.Polarity != AirBright && it.Polarity != AirDark, "polarity",
			"air_bright where the open beam is bright (as on film turned over), air_dark where it is black", "polarity %q is neither air_bright nor air_dark", it.Polarity},
		{!slices.Contains([]string{"", Train, Validation, Test}, it.Split), "split",
			"\"dicomnode trainer split\" fills this column", "split %q is none of train, val, test or empty", it.Split},
		{!slices.Contains([]string{"", "0", "1", "true", "false"}, difficult), "difficult", "1 marks an image that is hard to segment", "difficult is %q, want 0 or 1", difficult},
	} {
		if c.wrong {
			out = append(out, Problem{ID: it.ID, Column: c.column, What: fmt.Sprintf(c.format, c.value), Hint: c.hint})
		}
	}
	return out
}

func local(p string) bool { return p != "" && filepath.IsLocal(filepath.FromSlash(p)) }
