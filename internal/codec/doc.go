// Package codec decodes pixel data of the JPEG families (PS3.5 A.4.1 to A.4.4 and A.4.13: JPEG,
// JPEG-LS, JPEG 2000, HTJ2K) in worker processes.
//
// A [Pool] keeps workers. A worker is this program, started with the argument [WorkerArgument].
// It opens four libraries (libjpeg-turbo, CharLS, OpenJPEG, OpenJPH), confines itself and then
// decodes one codestream after another. If a codestream crashes its decoder, loops or needs too
// much memory, only that image fails and the worker is replaced; the node is not affected.
// Codestream and samples are in memory that node and worker share. The libraries are fetched by
// `make runtime`. Without them the pool decodes nothing and reports what to run.
//
// The package handles codestreams and samples only. Encapsulation, offset tables, Bits Stored,
// sign and colour are handled by the reader of the data set. C code is used only in package
// native, which is active in workers only.
package codec
