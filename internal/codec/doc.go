// Package codec decodes the pixel data of the JPEG families (PS3.5 A.4.1 to A.4.4
// and A.4.13: JPEG, JPEG-LS, JPEG 2000, HTJ2K) in worker processes.
//
// A [Pool] keeps workers: this program, started again with the argument
// [WorkerArgument], which opens four libraries (libjpeg-turbo, CharLS, OpenJPEG,
// OpenJPH), confines itself and then answers one codestream after another. A codestream that
// crashes its decoder, loops or wants too much memory costs that image and a new
// worker, never the node. Codestream and samples lie in memory that node and worker share.
// The libraries are fetched by `make runtime`; without them
// the pool decodes nothing and says what to run.
//
// The package knows codestreams and samples. Encapsulation, offset tables, Bits
// Stored, sign and colour belong to the reader of the data set. It reaches C only
// in package native, which the worker alone links to its work.
package codec
