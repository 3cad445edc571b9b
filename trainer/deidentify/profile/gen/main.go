// Command gen writes table.go from table.csv.
package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"go/format"
	"log"
	"os"
)

func main() {
	in, err := os.Open("table.csv")
	if err != nil {
		log.Fatal(err)
	}
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		log.Fatal(err)
	}
	var b bytes.Buffer
	b.WriteString("// Code generated from table.csv by gen; DO NOT EDIT.\n\npackage profile\n\n// rows is PS3.15 Table E.1-1, in the order of the tags.\nvar rows = []Row{\n")
	for _, r := range rows[1:] {
		fmt.Fprintf(&b, "{Tag: 0x%s, Mask: 0x%s, Keyword: %q, Source: %q, Basic: %q", r[0], r[1], r[2], r[3], r[4])
		for i, action := range r[5:] {
			if action == "" {
				continue
			}
			if !bytes.Contains(b.Bytes()[bytes.LastIndexByte(b.Bytes(), '\n'):], []byte("Options:")) {
				b.WriteString(", Options: map[Option]Action{")
			}
			fmt.Fprintf(&b, "%q: %q, ", rows[0][5+i], action)
		}
		if bytes.Contains(b.Bytes()[bytes.LastIndexByte(b.Bytes(), '\n'):], []byte("Options:")) {
			b.WriteString("}")
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n")
	text, err := format.Source(b.Bytes())
	if err == nil {
		err = os.WriteFile("table.go", text, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}
