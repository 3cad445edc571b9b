// Package configs is the node's configuration: one YAML file, decoded strictly
// and validated before anything starts.
//
// An unknown key, a duplicate, an impossible value or a route to a peer that
// does not exist is a [Problem] with its line, its key and a hint. AE titles
// follow PS3.5 6.2 (VR AE). The package reads no environment, opens no socket
// and knows nothing of the packages it configures.
package configs

import (
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"dicomnode/internal/threshold"
)

// Config is the whole file. The zero value is not usable: start from [Default]
// or [Load].
type Config struct {
	Node         Node         `yaml:"node"`
	Network      Network      `yaml:"network"`
	TLS          TLS          `yaml:"tls"`
	Calibration  Calibration  `yaml:"calibration"`
	Peers        []Peer       `yaml:"peers"`
	Routes       []Route      `yaml:"routes"`
	Model        Model        `yaml:"model"`
	Segmentation Segmentation `yaml:"segmentation"`
	SoftTissue   SoftTissue   `yaml:"soft_tissue"`
	Codecs       Codecs       `yaml:"codecs"`
	Retention    Retention    `yaml:"retention"`
	Audit        Audit        `yaml:"audit"`
	Log          Log          `yaml:"log"`
}

// Audit configures DICOM audit messages (PS3.15 A.5, A.6). They name patients.
type Audit struct {
	Server    string `yaml:"server"`    // host:port of a syslog collector; empty: no audit messages
	Transport string `yaml:"transport"` // tls (RFC 5425) or udp (RFC 5426)
	CA        string `yaml:"ca"`        // PEM, of the collector's certificate; empty: that of tls
}

// Node is the identity of this application entity and where it keeps its data.
type Node struct {
	AETitle string `yaml:"ae_title"` // called AE title for images to be segmented (PS3.8 9.3.2)
	Listen  string `yaml:"listen"`   // host:port; the host may be empty. Empty: TLS only
	DataDir string `yaml:"data_dir"` // index, objects, dark frames
	// AcceptOther says how other objects of a study are handled: refuse, or keep (store, do not
	// segment).
	AcceptOther string `yaml:"accept_other"`
}

// ArchiveDir is the folder of the node's archive: index and objects.
func (n Node) ArchiveDir() string { return filepath.Join(n.DataDir, "archive") }

// Network holds the limits and time-outs of the DICOM upper layer, both roles.
type Network struct {
	MaxPDULength           uint32        `yaml:"max_pdu_length"`            // bytes announced in PS3.8 D.1
	MaxAssociations        int           `yaml:"max_associations"`          // open at once, all peers together
	MaxAssociationsPerPeer int           `yaml:"max_associations_per_peer"` // open at once from one address
	RequestTimeout         time.Duration `yaml:"request_timeout"`           // connection to A-ASSOCIATE-RQ, and ARTIM (PS3.8 9.1.5)
	IdleTimeout            time.Duration `yaml:"idle_timeout"`              // open association without a message
	ReadTimeout            time.Duration `yaml:"read_timeout"`              // pause within one message
	ResponseTimeout        time.Duration `yaml:"response_timeout"`          // wait for the response to a message sent
	WriteTimeout           time.Duration `yaml:"write_timeout"`             // one write to the peer
	ConnectTimeout         time.Duration `yaml:"connect_timeout"`           // TCP connection to a destination
	CommitmentWait         time.Duration `yaml:"commitment_wait"`           // for the report on a request for storage commitment, until it is repeated
}

// Calibration has the AE title for dark frames. Empty disables the service.
type Calibration struct {
	AETitle string   `yaml:"ae_title"`
	Peers   []string `yaml:"peers"` // names of the peers that may send dark frames; empty is every peer
}

// Calibrates reports whether a peer may send dark frames.
func (c Calibration) Calibrates(peer string) bool {
	return len(c.Peers) == 0 || slices.Contains(c.Peers, peer)
}

// Peer is another application entity: it may associate and, if its address has a port, receive
// results.
type Peer struct {
	Name    string `yaml:"name"`     // name for routes and the command line
	AETitle string `yaml:"ae_title"` // its AE title, calling and called
	// Address is an IP address or a prefix such as 10.1.0.0/16 (the peer may
	// only call), or host:port (it may call from that host and be called).
	Address string  `yaml:"address"`
	TLS     PeerTLS `yaml:"tls"`
	// StorageCommitment means that the destination commits what it stores (PS3.4 J): only then
	// is a delivery done.
	StorageCommitment bool `yaml:"storage_commitment"`
	// CommitmentBy allows the peer to request storage commitment; it names who must have
	// committed the instance: [CommitmentByNode], or another peer. Empty: not allowed.
	CommitmentBy string `yaml:"commitment_by"`
	// Viewer is the viewer of its results: ohif, weasis, slicer or legacy. It stands for a list
	// of Forms. Without either, segmentations are sent as binary.
	Viewer string   `yaml:"viewer"`
	Forms  []string `yaml:"forms"` // binary, fractional, labelmap, sc, gsps; the first that the peer accepts is sent
}

// Model selects the network's weights and the device.
type Model struct {
	Bundle  string `yaml:"bundle"`  // "published", "embedded" or a file
	Trunk   string `yaml:"trunk"`   // model for images of trunk and head: "auto", "embedded", "none" or a file
	Device  string `yaml:"device"`  // auto, cpu or cuda
	Library string `yaml:"library"` // ONNX Runtime shared library; empty searches
	Threads int    `yaml:"threads"` // CPU threads per image; 0 is all cores
}

// Codecs configures the sandbox of the processes that decode JPEG, JPEG-LS and JPEG 2000.
type Codecs struct {
	// Confinement is "preferred", or "required": then nothing is decoded if system calls cannot
	// be limited.
	Confinement string `yaml:"confinement"`
}

// Segmentation configures the encoding of the SEG, the effort, and the refinement of borders.
type Segmentation struct {
	Profile string `yaml:"profile"` // display or strict
	Refine  string `yaml:"refine"`  // none or guided (picture.GuidedFilter)
	Effort  string `yaml:"effort"`  // fast, normal or best (scales.Effort)
}

// SoftTissue has the soft-tissue thresholds, by Body Part Examined (0018,0015) and in general.
// Missing ones are taken from the model's card.
type SoftTissue struct {
	Threshold  *float64           `yaml:"threshold"` // nil: unset; so is 0, for files of earlier versions
	ByBodyPart map[string]float64 `yaml:"by_body_part"`
}

// Table is the table of the configured thresholds.
func (s SoftTissue) Table() (threshold.Table, error) {
	general := s.Threshold
	if general != nil && *general == 0 {
		general = nil
	}
	return threshold.New(general, s.ByBodyPart)
}

// Retention says how long the node keeps finished objects. Objects with pending or quarantined
// jobs are always kept.
type Retention struct {
	Keep time.Duration `yaml:"keep"` // since an object was received; 0 is without limit
	// MinFreeMiB is the free disk space below which the oldest finished objects are removed
	// before they expire. 0 never removes any.
	MinFreeMiB int64 `yaml:"min_free_mib"`
	// Calibrations is how long the calibration of a detector is kept that sends neither dark
	// frames nor images that need it. 0 is for ever.
	Calibrations time.Duration `yaml:"calibrations"`
}

// MinFree is MinFreeMiB in bytes.
func (r Retention) MinFree() int64 { return r.MinFreeMiB << 20 }

// Log configures the log on standard error.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // text or json
}

// Default is the configuration of an empty file. It admits no peer.
func Default() Config {
	return Config{
		Node: Node{AETitle: "XNET", Listen: ":11112", DataDir: "/var/lib/dicomnode", AcceptOther: "refuse"},
		Network: Network{
			MaxPDULength: 131072, MaxAssociations: 512, MaxAssociationsPerPeer: 64,
			RequestTimeout: 30 * time.Second, IdleTimeout: 5 * time.Minute,
			ReadTimeout: time.Minute, ResponseTimeout: 2 * time.Minute, WriteTimeout: time.Minute, ConnectTimeout: 10 * time.Second,
			CommitmentWait: 24 * time.Hour,
		},
		Calibration:  Calibration{AETitle: "XNETDARK"},
		Model:        Model{Bundle: "published", Trunk: "auto", Device: "auto"},
		Segmentation: Segmentation{Profile: "display", Refine: "guided", Effort: "normal"},
		SoftTissue:   SoftTissue{},
		Codecs:       Codecs{Confinement: "preferred"},
		Retention:    Retention{Keep: 30 * day, MinFreeMiB: 1024, Calibrations: 365 * day},
		Audit:        Audit{Transport: "tls"},
		Log:          Log{Level: "info", Format: "text"},
	}
}

// CommitmentByNode is the value of commitment_by for the node itself.
const CommitmentByNode = "node"

// Removes reports whether any object is ever removed.
func (r Retention) Removes() bool { return r.Keep != 0 || r.MinFreeMiB != 0 }

// Callable reports whether results can be sent to p: its address has a port.
func (p Peer) Callable() bool {
	_, _, err := net.SplitHostPort(p.Address)
	return err == nil
}

// Host is the address without the port: an IP address, a prefix or a name.
func (p Peer) Host() string {
	if host, _, err := net.SplitHostPort(p.Address); err == nil {
		return host
	}
	return p.Address
}

// Admits reports whether an association from addr may be this peer's, as far as addresses tell.
// named is true if Host is a name that must be resolved.
func (p Peer) Admits(addr netip.Addr) (ok, named bool) {
	addr = addr.Unmap().WithZone("")
	if prefix, err := netip.ParsePrefix(p.Host()); err == nil {
		return prefix.Contains(addr), false
	}
	if ip, err := netip.ParseAddr(p.Host()); err == nil {
		return ip.Unmap().WithZone("") == addr, false
	}
	return false, true
}

// Peer returns the peer with that name.
func (c Config) Peer(name string) (Peer, bool) {
	i := slices.IndexFunc(c.Peers, func(p Peer) bool { return p.Name == name })
	if i < 0 {
		return Peer{}, false
	}
	return c.Peers[i], true
}
