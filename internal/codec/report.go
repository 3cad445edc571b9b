package codec

import "fmt"

// Report is what a pool can decode, and with what.
type Report struct {
	Folder      string         `json:"folder"`      // of the libraries, "" if none was found
	Confinement string         `json:"confinement"` // seccomp, rlimits only or not confined; "" without a worker
	Families    []FamilyReport `json:"families"`
	Error       string         `json:"error,omitempty"` // why there is no worker
}

// FamilyReport is the part of one family.
type FamilyReport struct {
	Family           string   `json:"family"`
	Library          string   `json:"library"`
	Version          string   `json:"version,omitempty"`
	Path             string   `json:"path,omitempty"`
	TransferSyntaxes []string `json:"transfer_syntaxes"` // that a probe was decoded in
	Error            string   `json:"error,omitempty"`
}

// Hint is what to do where a library is not there.
const Hint = "run `make runtime`, or set " + Environment + " to the folder of the codec libraries"

// missing says in words why a family cannot be decoded.
func (r Report) missing(f Family) string {
	if r.Error != "" {
		return r.Error
	}
	l := r.Families[f]
	if l.Path == "" {
		where := "no folder of codec libraries was found"
		if r.Folder != "" {
			where = "not in " + r.Folder
		}
		return fmt.Sprintf("no %s library for %s (%s)", l.Library, l.Family, where)
	}
	return fmt.Sprintf("%s cannot decode this kind of %s: %s", l.Library, l.Family, l.Error)
}

// Report is what the pool can decode now.
func (p *Pool) Report() Report {
	p.refresh()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.report
}

// TransferSyntaxes lists what the pool can decode now, in the order in which an
// acceptor prefers them: a probe in each was decoded.
func (p *Pool) TransferSyntaxes() (list []string) {
	p.refresh()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range syntaxes {
		if len(p.able[s.uid]) > 0 {
			list = append(list, s.uid)
		}
	}
	return list
}

func (p *Pool) can(uid string) []Family {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.able[uid]
}

func (p *Pool) current() libraryState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

// refresh looks at the libraries, and again when their files have changed: what was
// missing is decoded once it is there.
func (p *Pool) refresh() {
	p.look.Lock()
	defer p.look.Unlock()
	now := look(Folder(p.asked))
	p.mu.Lock()
	changed := !p.looked || now != p.at || p.report.Error != ""
	p.looked, p.at = true, now
	p.mu.Unlock()
	if !changed {
		return
	}
	report, able := p.probe(now)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.report, p.able = report, able
}
