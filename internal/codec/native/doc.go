// Package native opens the codec libraries and calls them: one C file behind
// [codec.Decoder]. Only a worker process loads a library; the program that holds the
// network and the archive links this package and never calls it.
package native
