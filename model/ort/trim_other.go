//go:build !linux

package ort

// oneHeap does nothing here: see trim_linux.go.
func oneHeap() {}

// Trim does nothing here: see trim_linux.go.
func Trim() {}
