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

// Audit says where DICOM audit messages go (PS3.15 A.5, A.6). They name patients.
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
	// AcceptOther says what becomes of objects beside the images: refuse, or keep
	// them without segmenting them.
	AcceptOther string `yaml:"accept_other"`
}

// ArchiveDir is where the node has its archive: the index and the objects.
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
	CommitmentWait         time.Duration `yaml:"commitment_wait"`           // for the answer to a request for storage commitment, until it is made anew
}

// Calibration names the AE title that dark frames are sent to. Empty turns the
// service off.
type Calibration struct {
	AETitle string   `yaml:"ae_title"`
	Peers   []string `yaml:"peers"` // names of those that may send dark frames; empty is every peer
}

// Calibrates says whether a peer may send dark frames.
func (c Calibration) Calibrates(peer string) bool {
	return len(c.Peers) == 0 || slices.Contains(c.Peers, peer)
}

// Peer is another application entity: one that may associate, and, when its
// address has a port, one that results can be sent to.
type Peer struct {
	Name    string `yaml:"name"`     // how routes and the command line call it
	AETitle string `yaml:"ae_title"` // its AE title, calling and called
	// Address is an IP address or a prefix such as 10.1.0.0/16 (the peer may
	// only call), or host:port (it may call from that host and be called).
	Address string  `yaml:"address"`
	TLS     PeerTLS `yaml:"tls"`
	// StorageCommitment is for a destination that commits what it stores (PS3.4 J): a
	// delivery is done only when it has.
	StorageCommitment bool `yaml:"storage_commitment"`
	// CommitmentBy says who keeps what this peer may ask the node to commit:
	// [CommitmentByNode], or the name of another peer. Empty: it may not ask.
	CommitmentBy string `yaml:"commitment_by"`
	// Viewer is where its results are looked at: ohif, weasis, slicer or legacy. It
	// stands for a list of Forms. Without either the regions are sent as binary.
	Viewer string   `yaml:"viewer"`
	Forms  []string `yaml:"forms"` // binary, fractional, labelmap, sc, gsps; the first is sent
}

// Model chooses the network's weights and where they run.
type Model struct {
	Bundle  string `yaml:"bundle"`  // "published", "embedded" or a file
	Device  string `yaml:"device"`  // auto, cpu or cuda
	Library string `yaml:"library"` // ONNX Runtime shared library; empty searches
	Threads int    `yaml:"threads"` // CPU threads per image; 0 is all cores
}

// Codecs says how the processes that decode JPEG, JPEG-LS and JPEG 2000 are kept from
// the rest of the machine.
type Codecs struct {
	// Confinement is "preferred", or "required": then nothing is decoded where the
	// system calls of a process cannot be limited.
	Confinement string `yaml:"confinement"`
}

// Segmentation chooses how the SEG is encoded, how often the network is asked and how borders
// are found.
type Segmentation struct {
	Profile string `yaml:"profile"` // display or strict
	Refine  string `yaml:"refine"`  // none or guided (picture.GuidedFilter)
	Effort  string `yaml:"effort"`  // fast, normal or best (scales.Effort)
}

// SoftTissue holds the probability from which a pixel counts as high-precision
// soft tissue, by Body Part Examined (0018,0015) where it differs. What it does not
// say, the model's card does.
type SoftTissue struct {
	Threshold  *float64           `yaml:"threshold"` // nil: unset; so is 0, for files of earlier versions
	ByBodyPart map[string]float64 `yaml:"by_body_part"`
}

// Table is where the site's thresholds are looked up.
func (s SoftTissue) Table() (threshold.Table, error) {
	general := s.Threshold
	if general != nil && *general == 0 {
		general = nil
	}
	return threshold.New(general, s.ByBodyPart)
}

// Retention says how long the node keeps its copies of what is finished. What
// waits, retries or is quarantined is kept in any case.
type Retention struct {
	Keep time.Duration `yaml:"keep"` // since an object was received; 0 is for ever
	// MinFreeMiB is how much of the disk stays free: below it the oldest finished
	// objects go before they expire. 0 never removes any for room.
	MinFreeMiB int64 `yaml:"min_free_mib"`
}

// MinFree is MinFreeMiB in bytes.
func (r Retention) MinFree() int64 { return r.MinFreeMiB << 20 }

// Log chooses what is logged to standard error and how.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // text or json
}

// Default is the configuration that an empty file means. It admits nobody.
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
		Model:        Model{Bundle: "published", Device: "auto"},
		Segmentation: Segmentation{Profile: "display", Refine: "guided", Effort: "normal"},
		SoftTissue:   SoftTissue{},
		Codecs:       Codecs{Confinement: "preferred"},
		Retention:    Retention{Keep: 30 * day, MinFreeMiB: 1024},
		Audit:        Audit{Transport: "tls"},
		Log:          Log{Level: "info", Format: "text"},
	}
}

// CommitmentByNode as commitment_by is the node itself.
const CommitmentByNode = "node"

// Removes tells whether anything is ever removed.
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

// Admits reports whether an association from addr may be this peer's, as far
// as numbers tell. named is true when Host is a name that must be resolved.
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
