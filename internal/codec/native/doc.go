// Package native loads and calls the codec libraries: one C file behind [codec.Decoder]. Only a
// worker process loads a library; the program with the network services and the archive links
// this package and never calls it.
package native
