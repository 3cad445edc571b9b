package main

import "strings"

// orAll joins a list in words; an empty one is all.
func orAll(list []string, all string) string {
	if len(list) == 0 {
		return all
	}
	return strings.Join(list, ", ")
}
