package configs

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"dicomnode/internal/threshold"
	"dicomnode/internal/uid"
)

// Problem is one error in a configuration.
type Problem struct {
	Line int    `json:"line"` // 1-based, 0 when unknown
	Key  string `json:"key"`  // such as peers[0].address
	What string `json:"what"`
	Hint string `json:"hint"` // what to do about it
}

func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.Key != "" {
		fmt.Fprintf(&b, "%s: ", p.Key)
	}
	return b.String() + p.What
}

// Problems are all errors in a configuration.
type Problems []Problem

// Error lists the problems, one to a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// checker collects problems.
type checker struct{ found Problems }

func (c *checker) add(key, hint, what string, args ...any) {
	c.found = append(c.found, Problem{Key: key, What: fmt.Sprintf(what, args...), Hint: hint})
}

func validate(c Config) Problems {
	var v checker
	v.node(c)
	v.network(c.Network)
	v.tls(c)
	v.peers(c.Peers)
	v.commitment(c)
	v.routes(c)
	v.choices(c)
	v.softTissue(c.SoftTissue)
	v.retention(c.Retention)
	v.audit(c)
	return v.found
}

func (v *checker) node(c Config) {
	v.aeTitle("node.ae_title", c.Node.AETitle)
	v.peerNames(c, "calibration.peers", c.Calibration.Peers, false)
	if c.Calibration.AETitle != "" {
		v.aeTitle("calibration.ae_title", c.Calibration.AETitle)
		if c.Calibration.AETitle == c.Node.AETitle {
			v.add("calibration.ae_title", "choose another title, for example "+short(c.Node.AETitle, 12)+"DARK",
				"the calibration AE title equals node.ae_title: images would be taken for dark frames")
		}
	}
	if _, port, err := net.SplitHostPort(c.Node.Listen); (err != nil || !validPort(port, true)) && (c.Node.Listen != "" || c.TLS.Listen == "") {
		v.add("node.listen", `write ":11112" or "10.0.0.9:11112"`, "%q is not host:port", c.Node.Listen)
	}
	if c.Node.DataDir == "" {
		v.add("node.data_dir", "name a folder on a local disk", "is empty")
	}
}

func short(s string, n int) string { return s[:min(len(s), n)] }

// aeTitle applies PS3.5 6.2, VR AE. Spaces around a title are legal and not significant; the
// file must not have them.
func (v *checker) aeTitle(key, title string) {
	if err := uid.CheckAETitle(title); err != nil {
		v.add(key, "use 1 to 16 letters, digits, _ or -, exactly as the other system shows it", "%v", err)
	} else if title != strings.TrimSpace(title) {
		v.add(key, "remove the spaces", "AE title %q begins or ends with a space, which does not count (PS3.5 6.2)", title)
	}
}

func validPort(s string, zero bool) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && (zero || n > 0)
}

func (v *checker) network(n Network) {
	if n.MaxPDULength < 4096 || n.MaxPDULength > 1<<20 {
		v.add("network.max_pdu_length", "131072 suits nearly everybody", "%d is not within 4096 to 1048576", n.MaxPDULength)
	}
	for _, c := range []struct {
		key string
		n   int
	}{{"max_associations", n.MaxAssociations}, {"max_associations_per_peer", n.MaxAssociationsPerPeer}} {
		if c.n < 1 || c.n > 10000 {
			v.add("network."+c.key, "leave it out for the default", "%d is not within 1 to 10000", c.n)
		}
	}
	for _, c := range []struct {
		key string
		d   time.Duration
	}{
		{"request_timeout", n.RequestTimeout}, {"idle_timeout", n.IdleTimeout}, {"read_timeout", n.ReadTimeout},
		{"response_timeout", n.ResponseTimeout}, {"write_timeout", n.WriteTimeout}, {"connect_timeout", n.ConnectTimeout},
	} {
		if c.d < time.Second || c.d > 24*time.Hour {
			v.add("network."+c.key, "write a duration with its unit, such as 30s or 5m", "%v is not within 1s to 24h", c.d)
		}
	}
}

// commitment checks what goes with storage commitment (PS3.4 J).
func (v *checker) commitment(c Config) {
	if d := c.Network.CommitmentWait; d < time.Second || d > 7*day {
		v.add("network.commitment_wait", "24h suits nearly everybody", "%v is not within 1s to 7d", d)
	}
	for i, p := range c.Peers {
		key := fmt.Sprintf("peers[%d]", i)
		if p.StorageCommitment && !p.Callable() {
			v.add(key+".storage_commitment", "write its address as host:port, or leave storage_commitment out",
				"nothing is sent to the peer, and so nothing is there to commit: its address has no port")
		}
		v.promise(c, p, key+".commitment_by")
	}
}

// promise checks commitment_by: commitment is a responsibility to keep an instance (PS3.4
// J.1.1, J.3.6.2.1).
func (v *checker) promise(c Config, p Peer, key string) {
	by, known := c.Peer(p.CommitmentBy)
	switch {
	case p.CommitmentBy == "":
	case !p.Callable():
		v.add(key, "write its address as host:port", "the answer goes to the peer on an association of the node: its address has no port")
	case p.CommitmentBy == CommitmentByNode && known:
		v.add(key, "call that peer something else", `"node" is this node and the name of a peer`)
	case p.CommitmentBy == CommitmentByNode && c.Retention.Removes():
		v.add(key, "set retention: {keep: 0, min_free_mib: 0}, or name the archive that commits, with storage_commitment: true",
			"storage commitment is a promise to keep, and retention removes what is old or when the disk runs short")
	case p.CommitmentBy == CommitmentByNode:
	case !known || p.CommitmentBy == p.Name:
		v.add(key, `write "node", or the name of another peer`, "no other peer is named %q", p.CommitmentBy)
	case !by.StorageCommitment:
		v.add(key, "set storage_commitment: true for "+by.Name+", if it offers it", "peer %s is not asked for storage commitment", by.Name)
	}
}

func (v *checker) peers(peers []Peer) {
	names, titles := map[string]int{}, map[string]int{}
	for i, p := range peers {
		key := fmt.Sprintf("peers[%d]", i)
		if p.Name == "" {
			v.add(key, "add name: with a short name of your choice", "the peer has no name")
		} else if first, twice := names[p.Name]; twice {
			v.add(key+".name", "give each peer its own name", "name %q is already that of peers[%d]", p.Name, first)
		}
		names[p.Name] = i
		v.aeTitle(key+".ae_title", p.AETitle)
		id := p.AETitle + "@" + p.Address
		if first, twice := titles[id]; twice {
			v.add(key, "remove one of them", "same AE title and address as peers[%d]", first)
		}
		titles[id] = i
		v.address(key+".address", p)
		v.viewer(key, p)
	}
}

func (v *checker) address(key string, p Peer) {
	hint := `write an IP address ("10.0.0.21") for a peer that only sends, or "host:port" for one that also receives`
	host, port, err := net.SplitHostPort(p.Address)
	switch {
	case p.Address == "":
		v.add(key, hint, "the peer has no address: nobody is admitted from everywhere")
	case err == nil && !validPort(port, false):
		v.add(key, hint, "%q: the port is not a number from 1 to 65535", p.Address)
	case err == nil && !validHost(host):
		v.add(key, hint, "%q: the host is neither an IP address nor a host name", p.Address)
	case err != nil && !numeric(p.Address):
		v.add(key, hint, "%q is neither an IP address, nor a prefix, nor host:port", p.Address)
	}
}

func numeric(s string) bool {
	_, errAddr := netip.ParseAddr(s)
	_, errPrefix := netip.ParsePrefix(s)
	return errAddr == nil || errPrefix == nil
}

// validHost accepts an IP address or a host name (RFC 1123).
func validHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if s == "" || len(s) > 253 || strings.Trim(s, "0123456789.") == "" {
		return false
	}
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notHostRune) {
			return false
		}
	}
	return true
}

func notHostRune(r rune) bool {
	return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

func (v *checker) routes(c Config) {
	names := map[string]int{}
	for i, r := range c.Routes {
		key := fmt.Sprintf("routes[%d]", i)
		if r.Name == "" {
			v.add(key, "add name: with a short name of your choice", "the route has no name")
		} else if first, twice := names[r.Name]; twice {
			v.add(key+".name", "give each route its own name", "name %q is already that of routes[%d]", r.Name, first)
		}
		names[r.Name] = i
		v.peerNames(c, key+".send_to", r.SendTo, true)
		if len(r.SendTo) == 0 {
			v.add(key, "add send_to: with the name of your PACS", "the route sends its results nowhere")
		}
		v.criteria(c, key+".", r.Criteria)
		v.criteria(c, key+".except.", r.Except)
		v.outputs(c, key, r)
		v.quality(key+".quality", r.Quality)
		if r.Frames != "" {
			v.oneOf(key+".frames", r.Frames, RepresentativeFrame, AllFrames)
		}
	}
}

// maxCriterion is the longest value compared: VR CS and SH (PS3.5 6.2).
const maxCriterion = 16

func (v *checker) criteria(c Config, key string, r Criteria) {
	v.peerNames(c, key+"from", r.From, false)
	for j, m := range r.Modalities {
		if m == "" || len(m) > maxCriterion || strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
			v.add(fmt.Sprintf("%smodalities[%d]", key, j), "use the values of Modality (0008,0060), such as CR or DX", "%q is not a modality", m)
		}
	}
	for j, part := range r.BodyParts {
		if word(part) == "" || len(part) > maxCriterion || strings.Trim(word(part), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ") != "" {
			v.add(fmt.Sprintf("%sbody_parts[%d]", key, j), "use the values of Body Part Examined (0018,0015), such as CHEST or HAND", "%q is not a body part", part)
		}
	}
	for j, class := range r.SOPClasses {
		if !uid.Valid(sopClass(class)) {
			v.add(fmt.Sprintf("%ssop_classes[%d]", key, j), "write a UID or one of: "+strings.Join(uid.StorageClasses(), ", "), "%q is not a SOP class", class)
		}
	}
	for j, station := range r.Stations {
		if strings.TrimSpace(station) == "" || len([]rune(station)) > maxCriterion || strings.Contains(station, `\`) {
			v.add(fmt.Sprintf("%sstations[%d]", key, j), "use the value of Station Name (0008,1010), at most 16 characters", "%q is not a station name", station)
		}
	}
}

func (v *checker) peerNames(c Config, key string, names []string, callable bool) {
	for j, name := range names {
		at := fmt.Sprintf("%s[%d]", key, j)
		p, ok := c.Peer(name)
		if !ok {
			v.add(at, unknownPeerHint(c, name), "no peer is named %q", name)
		} else if callable && !p.Callable() {
			v.add(at, fmt.Sprintf("write its address as \"%s:104\" with the port it listens on", p.Host()),
				"peer %q cannot receive: its address has no port", name)
		}
	}
}

func unknownPeerHint(c Config, name string) string {
	known := make([]string, len(c.Peers))
	for i, p := range c.Peers {
		known[i] = p.Name
	}
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 {
		return "list it under peers: first"
	}
	return "peers are: " + strings.Join(known, ", ")
}

func (v *checker) choices(c Config) {
	v.oneOf("model.device", c.Model.Device, "auto", "cpu", "cuda")
	v.oneOf("segmentation.profile", c.Segmentation.Profile, "display", "strict")
	v.oneOf("segmentation.refine", c.Segmentation.Refine, "none", "guided")
	v.oneOf("segmentation.effort", c.Segmentation.Effort, "fast", "normal", "best")
	v.oneOf("node.accept_other", c.Node.AcceptOther, "refuse", "keep")
	v.oneOf("codecs.confinement", c.Codecs.Confinement, "preferred", "required")
	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	v.oneOf("log.format", c.Log.Format, "text", "json")
	if c.Model.Bundle == "" {
		v.add("model.bundle", `write "published", "embedded" or the path of a model bundle`, "is empty")
	}
	if c.Model.Trunk == "" {
		v.add("model.trunk", `write "auto", "embedded", "none" or the path of a model bundle`, "is empty")
	}
	if c.Model.Threads < 0 || c.Model.Threads > 1024 {
		v.add("model.threads", "0 uses every core", "%d is not within 0 to 1024", c.Model.Threads)
	}
}

func (v *checker) oneOf(key, value string, valid ...string) {
	if !slices.Contains(valid, value) {
		v.add(key, "choose one of: "+strings.Join(valid, ", "), "%q is not known", value)
	}
}

func (v *checker) softTissue(s SoftTissue) {
	_, err := s.Table()
	var wrong *threshold.Error
	if !errors.As(err, &wrong) {
		return
	}
	key := "soft_tissue.threshold"
	if !wrong.General {
		key = "soft_tissue.by_body_part." + wrong.BodyPart
	}
	v.add(key, "write a probability above 0 and up to 1, such as 0.90, once for a body part; leave it out for the model's own", "%s", wrong.Reason)
}

// maxFreeMiB keeps MinFree within 64 bits and within any disk: 1 PiB.
const maxFreeMiB = 1 << 30

// audit requires a collector and a CA for its certificate.
func (v *checker) audit(c Config) {
	a := c.Audit
	if a.Transport != "tls" && a.Transport != "udp" {
		v.add("audit.transport", "write tls or udp", "%q is neither tls nor udp", a.Transport)
	}
	if a.Server == "" {
		return
	}
	if host, port, err := net.SplitHostPort(a.Server); err != nil || !validHost(host) || !validPort(port, false) {
		v.add("audit.server", `write "10.0.0.8:6514", or leave it empty for no audit messages`, "%q is not host:port", a.Server)
	}
	if a.Transport == "tls" && a.CA == "" && c.TLS.CA == "" {
		v.add("audit.ca", "name the CA of the collector's certificate, a PEM file", "nothing says whose certificate the collector may show")
	}
}

// retention requires objects to be kept for an hour at least, so that repeats are recognised,
// enough space that the archive does not refuse earlier, and calibrations to outlast a repair
// of their detector.
func (v *checker) retention(r Retention) {
	if r.Keep != 0 && r.Keep < time.Hour {
		v.add("retention.keep", "write a duration such as 30d, or 0 to keep everything", "%v is less than 1h", r.Keep)
	}
	if r.MinFreeMiB != 0 && (r.MinFreeMiB < 512 || r.MinFreeMiB > maxFreeMiB) {
		v.add("retention.min_free_mib", "leave it out for 1024, or write 0 to keep everything", "%d is not within 512 to %d", r.MinFreeMiB, maxFreeMiB)
	}
	if r.Calibrations != 0 && r.Calibrations < 30*day {
		v.add("retention.calibrations", "write a duration such as 365d, or 0 to keep them for ever", "%v is less than 30d", r.Calibrations)
	}
}
