// Package step is one training step as an ONNX graph: forward pass with batch
// statistics, cross-entropy over the labelled pixels, every gradient, L2 and Adam,
// built from standard operators and run by ONNX Runtime. It owns the gradients of
// the network's operations, their layouts in memory and the state that a step
// changes; it knows no data set, no learning rate's course and no file.
package step
