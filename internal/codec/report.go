package codec

import "fmt"

// Report says what a pool can decode, and with which libraries.
type Report struct {
	Folder      string         `json:"folder"`      // of the libraries, "" if none was found
	Confinement string         `json:"confinement"` // seccomp, rlimits only or not confined; "" without a worker
	Families    []FamilyReport `json:"families"`
	Error       string         `json:"error,omitempty"` // why there is no worker
}

// FamilyReport is the report for one family.
type FamilyReport struct {
	Family           string   `json:"family"`
	Library          string   `json:"library"`
	Version          string   `json:"version,omitempty"`
	Path             string   `json:"path,omitempty"`
	TransferSyntaxes []string `json:"transfer_syntaxes"` // whose test codestream was decoded
	Error            string   `json:"error,omitempty"`
}

// Hint says what to do if a library is missing.
const Hint = "run `make runtime`, or set " + Environment + " to the folder of the codec libraries"

// missing describes why a family cannot be decoded.
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

// Report returns what the pool can decode now.
func (p *Pool) Report() Report {
	p.refresh()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.report
}

// TransferSyntaxes lists the transfer syntaxes whose test codestream was decoded, in an
// acceptor's order of preference.
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

// refresh finds out what can be decoded, and again if the library files have changed.
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
