package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dicomnode/dicomnode/nodetest"
)

// roomMiB is the memory that a node has beside what it needs when it is idle: too
// little for the samples of the large image, which take 114 MiB.
const (
	roomMiB      = 80
	largeRows    = 6000
	largeColumns = 5000
)

// An image that takes more memory than there is ends the node twice, and is quarantined
// then: the third start works, and the next image is segmented and delivered. The
// system refuses memory (RLIMIT_DATA), or its OOM killer ends the process (a cgroup).
func TestKilledForMemory(t *testing.T) {
	if raced {
		t.Skip("the race detector takes memory of its own and ends the process in its own way: make gotest runs this test without it as well")
	}
	large := nodetest.Image{Name: "large", Rows: largeRows, Cols: largeColumns}
	file := large.File(t, t.TempDir())
	for name, limit := range map[string]func(*testing.T, idle) []string{"limit": dataLimit, "cgroup": cgroupLimit} {
		t.Run(name, func(t *testing.T) {
			pacs := nodetest.NewKeepingPACS(t)
			p := nodetest.NewWholeProcess(t, pacs.PeersAndRoutes())
			p.Start(t)
			p.Wrap = limit(t, measure(t, p.PID()))
			p.Stop(t)
			p.Start(t)
			nodetest.Store(t, p.As("MODALITY"), []string{file})
			awaitEnd(t, p)
			for range 4 {
				if err := p.TryStart(); err != nil {
					t.Fatal(err)
				}
				if nodetest.Until(t, "the end or quarantine", func() bool { return p.Ended() || quarantinedForMemory(p) }); !p.Ended() {
					break
				}
				p.Kill()
			}
			if got := strings.Count(p.Log.String(), "msg=listening"); got != 4 || !quarantinedForMemory(p) {
				t.Fatalf("%d starts, want an idle one, two that ended and one that works", got)
			}
			p.Stop(t)
			p.Wrap = nil
			p.Start(t)
			small := nodetest.Image{Name: "small", Rows: 96, Cols: 64}
			nodetest.Store(t, p.As("MODALITY"), []string{small.File(t, t.TempDir())})
			nodetest.Until(t, "the result of the next image", func() bool { return pacs.Sources()[small.Instance()] == 1 })
			if n := pacs.Sources()[large.Instance()]; n != 0 {
				t.Errorf("%d results of the large image", n)
			}
		})
	}
}

// quarantinedForMemory reports whether a job was taken for the cause.
func quarantinedForMemory(p *nodetest.Process) bool {
	return strings.Contains(p.Log.String(), "quarantined=1")
}

// awaitEnd waits until the node has ended by itself.
func awaitEnd(t *testing.T, p *nodetest.Process) {
	t.Helper()
	nodetest.Until(t, "the node to run out of memory", p.Ended)
	p.Kill()
}

// idle is the memory of an idle node, KiB; resident is the most that it had at once, which
// was when it loaded its models.
type idle struct{ data, resident int64 }

// measure reads what the kernel says of a process.
func measure(t *testing.T, pid int) (m idle) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		for name, to := range map[string]*int64{"VmData:": &m.data, "VmHWM:": &m.resident} {
			if len(f) > 1 && f[0] == name {
				if *to, err = strconv.ParseInt(f[1], 10, 64); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return m
}

// dataLimit has the system refuse the node more memory.
func dataLimit(t *testing.T, m idle) []string {
	t.Helper()
	if _, err := exec.LookPath("prlimit"); err != nil {
		t.Skip(err)
	}
	return []string{"prlimit", fmt.Sprintf("--data=%d", m.data<<10+roomMiB<<20)}
}

// cgroupLimit has the OOM killer end a node that takes more memory.
func cgroupLimit(t *testing.T, m idle) []string {
	t.Helper()
	for _, c := range []struct{ parent, limit, swap, tasks string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "tasks"},
		{"/sys/fs/cgroup", "memory.max", "memory.swap.max", "cgroup.procs"},
	} {
		group := filepath.Join(c.parent, fmt.Sprintf("dicomnode-test-%d", os.Getpid()))
		if err := os.Mkdir(group, 0o755); err != nil {
			continue
		}
		t.Cleanup(func() {
			if err := os.Remove(group); err != nil {
				t.Log(err) // the kernel has not ended the last process yet
			}
		})
		limit := strconv.FormatInt(m.resident<<10+roomMiB<<20, 10)
		if err := os.WriteFile(filepath.Join(group, c.limit), []byte(limit), 0o600); err != nil {
			continue
		}
		_ = os.WriteFile(filepath.Join(group, c.swap), []byte(map[bool]string{true: limit, false: "0"}[c.tasks == "tasks"]), 0o600) // without it, swap may be taken first
		return []string{"sh", "-c", `echo $$ > "$0" && exec "$@"`, filepath.Join(group, c.tasks)}
	}
	t.Skip("no cgroup can be made here")
	return nil
}
