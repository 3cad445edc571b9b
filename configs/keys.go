package configs

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// keys has the line of each key of a document, the unknown keys and the invalid durations.
type keys struct {
	lines map[string]int // "peers[0].address" to its line
	wrong Problems
}

// newKeys compares the document with the configuration types.
func newKeys(file *ast.File) *keys {
	k := &keys{lines: map[string]int{}}
	k.walk(body(file), reflect.TypeFor[Config](), "")
	return k
}

func (k *keys) walk(n ast.Node, t reflect.Type, path string) {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			k.pair(v, t, path)
		}
	case *ast.MappingValueNode:
		k.pair(n, t, path)
	case *ast.SequenceNode:
		if t.Kind() != reflect.Slice {
			return
		}
		for i, v := range n.Values {
			at := fmt.Sprintf("%s[%d]", path, i)
			k.lines[at] = v.GetToken().Position.Line
			k.walk(v, t.Elem(), at)
		}
	case ast.ScalarNode:
		if t == reflect.TypeFor[time.Duration]() {
			k.duration(n.GetToken().Value, path)
		}
	}
}

// duration checks a value that the decoder would refuse without its line.
func (k *keys) duration(text, at string) {
	var d time.Duration
	if err := parseDuration(&d, []byte(text)); err != nil {
		k.wrong = append(k.wrong, Problem{Line: k.lines[at], Key: at, What: fmt.Sprintf("%q is not a duration", text),
			Hint: "write a number and its unit: s, m, h or d, such as 30s, 5m or 30d"})
	}
}

// pair checks one key of a mapping that should decode into t.
func (k *keys) pair(v *ast.MappingValueNode, t reflect.Type, path string) {
	name := v.Key.GetToken().Value
	at := strings.TrimPrefix(path+"."+name, ".")
	line := v.Key.GetToken().Position.Line
	k.lines[at] = line
	switch t.Kind() {
	case reflect.Map:
		k.walk(v.Value, t.Elem(), at)
	case reflect.Struct:
		fields := fieldsOf(t)
		f, ok := fields[name]
		if !ok {
			k.wrong = append(k.wrong, unknownKey(line, at, name, fields))
			return
		}
		k.walk(v.Value, f, at)
	}
}

// locate fills in the line of each problem, or of the nearest enclosing key.
func (k *keys) locate(ps Problems) Problems {
	for i := range ps {
		for at := ps[i].Key; at != "" && ps[i].Line == 0; {
			ps[i].Line = k.lines[at]
			at = at[:max(0, strings.LastIndexAny(at, ".["))]
		}
	}
	return ps
}

// fieldsOf lists the keys of a section; those of an inline part are its own.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for f := range t.Fields() {
		key := f.Tag.Get("yaml")
		if key == ",inline" {
			maps.Copy(fields, fieldsOf(f.Type))
			continue
		}
		fields[key] = f.Type
	}
	return fields
}

func unknownKey(line int, at, name string, fields map[string]reflect.Type) Problem {
	valid := make([]string, 0, len(fields))
	for f := range fields {
		valid = append(valid, f)
	}
	slices.Sort(valid)
	hint := "valid keys here: " + strings.Join(valid, ", ")
	if near := nearest(name, valid); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return Problem{Line: line, Key: at, What: fmt.Sprintf("unknown key %q", name), Hint: hint}
}

// nearest returns the candidate with the smallest edit distance, if it is small enough for a
// typing error.
func nearest(name string, candidates []string) string {
	best, found := 1+len(name)/2, ""
	for _, c := range candidates {
		if d := distance(strings.ToLower(name), c); d < best {
			best, found = d, c
		}
	}
	return found
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
