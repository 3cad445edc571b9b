package ort

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
static void one_heap(void) { mallopt(M_ARENA_MAX, 1); }
static void trim(void) { malloc_trim(0); }
#else
static void one_heap(void) {}
static void trim(void) {}
#endif
*/
import "C"

// oneHeap has all threads of the process share one heap of the C library. Go calls ONNX
// Runtime from whatever thread, and each would keep what a run needs in a heap of its own.
func oneHeap() { C.one_heap() }

// Trim returns memory to the system that the C library holds for ONNX Runtime and nobody
// uses. With a C library other than glibc it does nothing.
func Trim() { C.trim() }
