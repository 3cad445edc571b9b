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

// keys has the line of each key of a document, and the problems of keys and values that cannot
// be decoded: unknown keys, values of another shape, invalid durations.
type keys struct {
	lines map[string]int // "peers[0].address" to its line
	wrong Problems
}

// newKeys compares the document with the configuration types. It takes out of the document what
// is wrong, so that the rest can be decoded.
func newKeys(file *ast.File) *keys {
	k := &keys{lines: map[string]int{}}
	k.walk(body(file), reflect.TypeFor[Config](), "")
	return k
}

// walk reports whether n can be decoded into t.
func (k *keys) walk(n ast.Node, t reflect.Type, path string) bool {
	if what, hint := misshapen(n, t); what != "" {
		return k.refuse(path, what, hint)
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		n.Values = slices.DeleteFunc(n.Values, func(v *ast.MappingValueNode) bool { return !k.pair(v, t, path) })
	case *ast.MappingValueNode:
		return k.pair(n, t, path)
	case *ast.SequenceNode:
		for i, v := range n.Values {
			at := fmt.Sprintf("%s[%d]", path, i)
			k.lines[at] = v.GetToken().Position.Line
			if !k.walk(v, t.Elem(), at) {
				n.Values[i] = ast.Null(v.GetToken()) // later entries keep their numbers
			}
		}
	case ast.ScalarNode:
		if t == reflect.TypeFor[time.Duration]() {
			return k.duration(n.GetToken().Value, path)
		}
	}
	return true
}

func (k *keys) refuse(at, what, hint string) bool {
	k.wrong = append(k.wrong, Problem{Line: k.lines[at], Key: at, What: what, Hint: hint})
	return false
}

// misshapen says what is wrong with a value that is a list, a section or a single value where t
// is another of them.
func misshapen(n ast.Node, t reflect.Type) (what, hint string) {
	_, list := n.(*ast.SequenceNode)
	scalar, single := n.(ast.ScalarNode)
	_, section := n.(ast.MapNode)
	if _, null := n.(*ast.NullNode); null || !list && !single && !section {
		return "", ""
	}
	switch t.Kind() {
	case reflect.Slice:
		switch {
		case single:
			return "is no list", fmt.Sprintf("write [%s]", scalar.GetToken().Value)
		case section:
			return "is no list", `begin each entry with "- "`
		}
	case reflect.Struct, reflect.Map:
		if list || single {
			return "has no keys", "write its keys below it: " + hintDefaultFile
		}
	default:
		if list || section {
			return "is no single value", hintDefaultFile
		}
	}
	return "", ""
}

// duration checks a value that the decoder would refuse without its line.
func (k *keys) duration(text, at string) bool {
	var d time.Duration
	if err := parseDuration(&d, []byte(text)); err != nil {
		return k.refuse(at, fmt.Sprintf("%q is not a duration", text), "write a number and its unit: s, m, h or d, such as 30s, 5m or 30d")
	}
	return true
}

// pair checks one key of a mapping that should decode into t.
func (k *keys) pair(v *ast.MappingValueNode, t reflect.Type, path string) bool {
	name := v.Key.GetToken().Value
	at := strings.TrimPrefix(path+"."+name, ".")
	k.lines[at] = v.Key.GetToken().Position.Line
	switch t.Kind() {
	case reflect.Map:
		return k.walk(v.Value, t.Elem(), at)
	case reflect.Struct:
		fields := fieldsOf(t)
		f, ok := fields[name]
		if !ok {
			return k.refuse(at, fmt.Sprintf("unknown key %q", name), validKeys(name, fields))
		}
		return k.walk(v.Value, f, at)
	}
	return true
}

// besides leaves out the problems that may follow from what is wrong: those of the same section,
// and all of them if a key of the top level is wrong.
func (k *keys) besides(found Problems) Problems {
	return slices.DeleteFunc(found, func(p Problem) bool {
		return slices.ContainsFunc(k.wrong, func(w Problem) bool {
			section := w.Key
			if dot := strings.LastIndex(section, "."); dot >= 0 {
				section = section[:dot]
			} else if !strings.Contains(section, "[") {
				return true
			}
			return p.Key == section || strings.HasPrefix(p.Key, section+".") || strings.HasPrefix(p.Key, section+"[")
		})
	})
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

// validKeys is the hint for an unknown key.
func validKeys(name string, fields map[string]reflect.Type) string {
	valid := slices.Sorted(maps.Keys(fields))
	if near := nearest(name, valid); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "valid keys here: " + strings.Join(valid, ", ")
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
