package node

import "dicomnode/internal/codec"

// reportCodecs logs which compressed images the node takes, and what would let it take
// the others.
func (n *Node) reportCodecs() {
	r := n.codecs.Report()
	if r.Error != "" {
		n.log.Warn("compressed images are refused", "error", r.Error, "hint", codec.Hint)
		return
	}
	for _, f := range r.Families {
		switch {
		case len(f.TransferSyntaxes) == 0 && f.Error == "":
			n.log.Warn("images are refused for want of their decoder", "family", f.Family, "library", f.Library, "hint", codec.Hint)
		case f.Error != "":
			n.log.Warn("a decoder does not do all it should", "family", f.Family, "library", f.Library, "error", f.Error, "syntaxes", len(f.TransferSyntaxes))
		default:
			n.log.Info("decoder ready", "family", f.Family, "library", f.Library, "version", f.Version, "syntaxes", len(f.TransferSyntaxes), "confined", r.Confinement)
		}
	}
}
