package ort

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	ort "github.com/yalue/onnxruntime_go"
)

// Options chooses how a session runs. The zero value is: CUDA when it loads
// else CPU, every core, no memory pattern, no spinning, full float32.
type Options struct {
	// Device is "cpu", "cuda", or "auto" (the default).
	Device string
	// Threads is the number of threads one Run uses; 0 takes one per core.
	Threads int
	// MemPattern lets ONNX Runtime plan one block of memory per run. It helps
	// inference a little and doubles the memory of a training step.
	MemPattern bool
	// NoArena leaves the memory of a run to the C library in place of an arena of the
	// session's own, which gives nothing back until the session is closed. What lies idle
	// between runs is then returned by Trim.
	NoArena bool
	// KeepLayout keeps ONNX Runtime from changing the layout of feature maps
	// around single operators. That pays where kernels are constants, and costs
	// a copy before and after each pooling where they are not.
	KeepLayout bool
	// IntraOpSpinning keeps threads busy between operators: lower latency for
	// more processor time.
	IntraOpSpinning bool
	// TF32 lets CUDA round products to 10 bits of mantissa for speed.
	TF32 bool
	// OnCUDA makes the model that is loaded in place of the other where the device is CUDA;
	// nil: the same is. Inputs and outputs have the same names.
	OnCUDA func() []byte
	// Log gets the reason why CUDA is not used; nil discards it. Fallback has it too.
	Log *slog.Logger
}

// Session is a loaded model. Run may be called concurrently, each call with
// tensors of its own.
type Session struct {
	session         *ort.DynamicAdvancedSession
	inputs, outputs []string
	device          string
	fallback        error
}

// NewSession loads an ONNX model whose inputs and outputs are float32 tensors.
// The library must be loaded (Find or Init). With Device "cuda" a provider that
// does not load is an error; with "auto" the session falls back to the CPU,
// logs the reason and keeps it for Fallback.
func NewSession(onnx []byte, inputs, outputs []string, o Options) (*Session, error) {
	if len(onnx) == 0 || len(inputs) == 0 || len(outputs) == 0 {
		return nil, errors.New("make session: model, inputs and outputs must not be empty")
	}
	if o.Device == "" {
		o.Device = Auto
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Session{inputs: slices.Clone(inputs), outputs: slices.Clone(outputs)}
	var err error
	switch o.Device {
	case CPU, CUDA:
		err = s.load(onnx, o.Device, o)
	case Auto:
		if s.fallback = s.load(onnx, CUDA, o); s.fallback != nil {
			log.Info("run on the CPU", "cuda", s.fallback.Error())
			err = s.load(onnx, CPU, o)
		}
	default:
		return nil, fmt.Errorf("make session: device %q is not one of auto, cpu, cuda", o.Device)
	}
	if err != nil {
		return nil, fmt.Errorf("make session on %s: %w", o.Device, err)
	}
	return s, nil
}

func (s *Session) load(onnx []byte, device string, o Options) error {
	so, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	defer so.Destroy()
	if err := configure(so, o); err != nil {
		return err
	}
	if device == CUDA {
		if err := appendCUDA(so, o.TF32); err != nil {
			return err
		}
		if o.OnCUDA != nil {
			onnx = o.OnCUDA()
		}
	}
	s.session, err = ort.NewDynamicAdvancedSessionWithONNXData(onnx, s.inputs, s.outputs, so)
	if err != nil {
		return err
	}
	s.device = device
	return nil
}

func configure(so *ort.SessionOptions, o Options) error {
	level := ort.GraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll)
	if o.KeepLayout {
		level = ort.GraphOptimizationLevelEnableExtended
	}
	return errors.Join(
		so.SetIntraOpNumThreads(max(o.Threads, 0)),
		// Parallel execution between operators was half as fast: XNet is a chain.
		so.SetExecutionMode(ort.ExecutionModeSequential),
		so.SetInterOpNumThreads(1),
		so.SetGraphOptimizationLevel(level),
		so.SetMemPattern(o.MemPattern),
		so.SetCpuMemArena(!o.NoArena),
		so.SetLogSeverityLevel(ort.LoggingLevelError),
		so.AddSessionConfigEntry("session.intra_op.allow_spinning", fmt.Sprint(flag(o.IntraOpSpinning))),
	)
}

// Device is where the session runs: "cpu" or "cuda".
func (s *Session) Device() string { return s.device }

// Fallback is why a session with Device "auto" runs on the CPU, nil otherwise.
func (s *Session) Fallback() error { return s.fallback }

// Run feeds in, in the order of NewSession's inputs, and fills out, in the order
// of its outputs. Shapes must match the model's exactly. When ctx ends it stops
// between operators and returns ctx's error; the contents of out are undefined then.
func (s *Session) Run(ctx context.Context, in, out []*Tensor) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(in) != len(s.inputs) || len(out) != len(s.outputs) {
		return fmt.Errorf("run model: %d inputs and %d outputs, want %d and %d",
			len(in), len(out), len(s.inputs), len(s.outputs))
	}
	options, err := ort.NewRunOptions()
	if err != nil {
		return fmt.Errorf("run model: %w", err)
	}
	defer options.Destroy()
	watched := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(watched)
		options.Terminate() // its only error is a released handle, which stop rules out
	})
	err = s.session.RunWithOptions(values(in), values(out), options)
	if !stop() {
		<-watched
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return fmt.Errorf("run model: %w", err)
	}
}

// Close frees the model. No Run may be under way.
func (s *Session) Close() error {
	if s == nil || s.session == nil {
		return nil
	}
	err := s.session.Destroy()
	s.session = nil
	return err
}
