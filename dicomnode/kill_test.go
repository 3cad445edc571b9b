package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dicomnode/configs"
	"dicomnode/trainer/simulate"
)

const (
	killImages = 100
	kills      = 6
)

// asProgram makes the test binary behave as the program: see TestMain.
const asProgram = "DICOMNODE_TEST_AS_PROGRAM"

// killed is a node in a process of its own that is killed and started again.
type killed struct {
	config string
	cmd    *exec.Cmd
	log    *lockedBuffer
}

// start runs "dicomnode serve" and waits until it listens.
func (k *killed) start(t *testing.T) {
	t.Helper()
	k.cmd = exec.Command(os.Args[0], "serve", "--config", k.config)
	k.cmd.Env = append(os.Environ(), asProgram+"=1")
	stderr, err := k.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			fmt.Fprintln(k.log, lines.Text())
			if strings.Contains(lines.Text(), "msg=listening") {
				ready <- true
			}
		}
		close(ready)
	}()
	select {
	case ok := <-ready:
		if !ok {
			t.Fatalf("the node did not start:\n%s", k.log)
		}
	case <-time.After(testTime):
		t.Fatal("the node does not listen")
	}
}

// kill is kill -9.
func (k *killed) kill() {
	_ = k.cmd.Process.Kill() // it may have ended
	_ = k.cmd.Wait()         // killed, as meant
}

// The node is killed at random moments while images stream in. Every image that
// was answered 0000 has exactly one segmentation at the PACS in the end.
func TestKilledAtRandomMoments(t *testing.T) {
	requireModel(t)
	pacs := newTestPACS(t)
	port := freePort(t)
	k := &killed{config: killConfig(t, port, pacs.addr.Host), log: &lockedBuffer{}}
	k.start(t)
	t.Cleanup(func() {
		k.kill()
		if t.Failed() {
			t.Logf("node's log:\n%s", k.log)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()

	acknowledged := make(chan string, killImages)
	go stream(ctx, t, port, smallImages(t), acknowledged)
	instances := map[string]map[string]bool{} // source to SOP Instance UIDs of its segmentations
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	next := time.NewTimer(moment(random))
	acked, answered, done := map[string]bool{}, 0, 0
	for done < kills || answered < killImages || missing(acked, instances) > 0 {
		select {
		case uid := <-acknowledged:
			answered++
			if uid != "" {
				acked[uid] = true
			}
		case o := <-pacs.objects:
			uid, err := o.source()
			if err != nil {
				t.Fatal(err)
			}
			if instances[uid] == nil {
				instances[uid] = map[string]bool{}
			}
			instances[uid][o.sopInstanceUID] = true
		case <-next.C:
			if done < kills {
				k.kill()
				k.start(t)
				done++
				next.Reset(moment(random))
			}
		case <-ctx.Done():
			t.Fatalf("%d of %d acknowledged images have no segmentation after %d kills", missing(acked, instances), len(acked), done)
		}
	}
	for _, uids := range instances {
		if len(uids) != 1 {
			t.Errorf("an image has %d segmentations", len(uids))
		}
	}
	if len(acked) < killImages/2 {
		t.Errorf("only %d of %d images were acknowledged", len(acked), killImages)
	}
}

// moment is when the next kill comes.
func moment(random *rand.Rand) time.Duration {
	return time.Duration(100+random.IntN(1500)) * time.Millisecond
}

func missing(acked map[string]bool, instances map[string]map[string]bool) (n int) {
	for uid := range acked {
		if len(instances[uid]) == 0 {
			n++
		}
	}
	return n
}

// stream sends each image, again after a failure, until it is acknowledged.
func stream(ctx context.Context, t *testing.T, port int, files []string, acknowledged chan<- string) {
	c := configs.Default()
	c.Node.AETitle = "MODALITY"
	d := destination{c, configs.Peer{Name: "node", AETitle: "XNET", Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}}
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for _, file := range files {
		h, err := readHeader(file)
		if err != nil {
			t.Error(err)
			acknowledged <- ""
			continue
		}
		for stored := false; !stored; {
			results, err := d.storeFiles(ctx, []string{file}, func() {})
			stored = err == nil && results[0].Error == "" || len(results) > 0 && results[0].Status == "0000"
			select {
			case <-pause.C:
			case <-ctx.Done():
				return
			}
		}
		acknowledged <- h.SOPInstanceUID
	}
}

// smallImages writes the images that stream in.
func smallImages(t *testing.T) []string {
	t.Helper()
	files, _, err := simulate.RunDX(t.Context(), simulate.DXOptions{Out: t.TempDir(), Count: killImages, Rows: 96, Columns: 80})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func killConfig(t *testing.T, port int, pacs string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "node.yaml")
	err := writeFile(path, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, `
node: {ae_title: XNET, listen: "127.0.0.1:%d", data_dir: %q}
peers:
  - {name: modality, ae_title: MODALITY, address: 127.0.0.1}
  - {name: pacs, ae_title: PACS, address: %q}
routes:
  - {name: radiographs, from: [modality], outputs: [seg], send_to: [pacs]}
`, port, t.TempDir(), pacs)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}
