package ort

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	ort "github.com/yalue/onnxruntime_go"
)

// The devices Options.Device may name, and Session.Device returns (never Auto).
const (
	Auto = "auto" // CUDA when its provider loads, else CPU
	CPU  = "cpu"
	CUDA = "cuda"
)

// cudaProvider is the plug-in that ONNX Runtime's GPU build loads from the
// folder of its own library.
const cudaProvider = "libonnxruntime_providers_cuda.so"

// appendCUDA puts the CUDA execution provider before the CPU's.
func appendCUDA(so *ort.SessionOptions, tf32 bool) error {
	path, _ := Loaded()
	// Asked first because ONNX Runtime also prints its own error to stderr.
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), cudaProvider)); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is not beside %s: run `make runtime-gpu`", cudaProvider, path)
	}
	if err := preload(filepath.Dir(path)); err != nil {
		return fmt.Errorf("load CUDA: %w", err)
	}
	options, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer options.Destroy()
	err = options.Update(map[string]string{
		"device_id": "0",
		// The exhaustive default times every algorithm of every layer at the first run.
		"cudnn_conv_algo_search": "HEURISTIC",
		// TF32 keeps 10 bits of mantissa: probabilities would then differ from the CPU's.
		"use_tf32": strconv.Itoa(flag(tf32)),
	})
	if err != nil {
		return err
	}
	return so.AppendExecutionProviderCUDA(options)
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}
