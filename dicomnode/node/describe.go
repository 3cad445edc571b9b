package node

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/codec"
)

// EngineKey is where a node stores its [Engine] in the archive.
const EngineKey = "engine"

// Engine is what a node segments with, for commands that run beside it.
type Engine struct {
	Program  string    `json:"program"` // version
	PID      int       `json:"pid"`
	Since    time.Time `json:"since"` // the model is in use
	Model    string    `json:"model"`
	Version  string    `json:"version"`
	Digest   string    `json:"digest"`
	Device   string    `json:"device"`
	Trunk    string    `json:"trunk,omitempty"`    // name and version of the model for images of trunk and head
	Fallback string    `json:"fallback,omitempty"` // why CUDA was not used
}

// describe stores in the archive what the node segments with. Errors do not stop the node.
func (n *Node) describe() {
	m := n.engine.pipeline.Model
	e := Engine{Program: n.version, PID: os.Getpid(), Since: time.Now(), Model: m.Name, Version: m.Version, Digest: m.Digest, Device: m.Device}
	if t := n.engine.pipeline.Trunk; t != nil {
		e.Trunk = t.Model.Name + " " + t.Model.Version
	}
	if why := pipeline.Fallback(n.engine.pipeline); why != nil {
		e.Fallback = why.Error()
		n.log.Info("segmenting on the CPU", "reason", e.Fallback)
	}
	b, err := json.Marshal(e)
	if err == nil {
		err = n.archive.Remember(context.Background(), EngineKey, string(b))
	}
	if err != nil {
		n.log.Warn("cannot record the model in use for \"dicomnode status\"", "error", err)
	}
}

// reportCodecs logs which compressed images the node accepts, and why not the others.
func (n *Node) reportCodecs() {
	r := n.codecs.Report()
	if r.Error != "" {
		n.log.Warn("compressed images are refused", "error", r.Error, "hint", codec.Hint)
		return
	}
	for _, f := range r.Families {
		switch {
		case len(f.TransferSyntaxes) == 0 && f.Error == "":
			n.log.Warn("images are refused because their decoder is missing", "family", f.Family, "library", f.Library, "hint", codec.Hint)
		case f.Error != "":
			n.log.Warn("a decoder does not support all its transfer syntaxes", "family", f.Family, "library", f.Library, "error", f.Error, "syntaxes", len(f.TransferSyntaxes))
		default:
			n.log.Info("decoder ready", "family", f.Family, "library", f.Library, "version", f.Version, "syntaxes", len(f.TransferSyntaxes), "confined", r.Confinement)
		}
	}
}
