//go:build !linux

package ort

// preload has nothing to do where `make runtime-gpu` fetches nothing.
func preload(string) error { return nil }
