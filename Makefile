# dicomnode: everything a developer or CI runs.
SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO          ?= go
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)

# What is built without the race detector is built alike, and so once: the program, what
# vet and staticcheck look at, benchmarks, and the programs that tests build.
export GOFLAGS := $(strip $(GOFLAGS) -trimpath -buildmode=pie)

.PHONY: all viewers runtime runtime-gpu build demo test check fuzz-codecs format vet staticcheck gotest raced unraced benchonce bench figures efforts faults judge-reports export-judges dist dist-check clean man lint vulncheck changelog

all: build

# The pinned ONNX Runtime and codec libraries under .runtime/, checked by SHA-256.
runtime:
	bash internal/runtime/fetch.sh
	bash internal/runtime/fetch.sh codecs

# The pinned CUDA build and the CUDA libraries it loads (2.3 GB).
runtime-gpu:
	bash internal/runtime/fetch.sh gpu

build:
	@command -v $${CC:-gcc} >/dev/null || { echo "no C compiler: ONNX Runtime is called from C; Debian: apt install gcc libc6-dev" >&2; exit 1; }
	$(GO) build -ldflags "-X main.version=$(VERSION) -extldflags=-Wl,-z,relro,-z,now" -o bin/dicomnode ./dicomnode

# Manual pages of all verbs; and what makes bash and zsh complete them.
man: build
	$(GO) run ./dicomnode/manpages out/man/man1 $(VERSION)
	mkdir -p out/completion
	bin/dicomnode completion bash > out/completion/dicomnode.bash
	bin/dicomnode completion zsh > out/completion/_dicomnode

# A node, a small PACS and simulated radiographs on loopback; results in out/demo.
# DEMO_INPUT="FILE…" adds images of your own.
demo: runtime build
	bin/dicomnode demo --out out/demo $(DEMO_INPUT)

# What CI runs. The checks run two at a time, so that one works where the other waits; all
# of them, whatever fails.
test: runtime build check

check: format
	$(MAKE) --no-print-directory --keep-going --jobs=2 raced vet staticcheck unraced benchonce

format:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi

vet:
	$(GO) vet ./...

staticcheck:
	$(GO) run $(STATICCHECK) ./...

# The rules of .golangci.yml. The linter itself takes minutes to build.
lint:
	$(GO) run $(GOLANGCI) run ./...

# Known vulnerabilities that the program reaches, from the Go vulnerability database. A
# machine that does not reach the database has not checked, and says so.
vulncheck:
	@if ! found=$$($(GO) run $(GOVULNCHECK) ./... 2>&1); then \
	  echo "$$found"; \
	  if grep -q 'fetching vulnerabilities' <<< "$$found"; then echo "vulncheck: the database was not reached; nothing was checked"; else exit 1; fi; \
	fi

# The race detector makes loops over pixels ten times slower, and SQLite three times.
# LOOPS compute: where the tests of others use them, they are compiled without it, and so
# are the standard library's deflate and pictures, and SQLite's C, whose races are not
# ours. What hands values from one goroutine to another by sync.Map or generic atomics is
# always compiled with it, or it sees races that are none.
# Of their own tests these run with it: all of
# RACED_LOOPS, and RACED_TESTS of RACED_IN, which reach everything that LOOPS do on
# several goroutines; CONTRIBUTING.md says why no more.
LOOPS       := internal/raster model model/onnx segment/capture segment/decode segment/field segment/gsps segment/padding segment/picture \
               segment/scales segment/seg trainer/augment trainer/compare trainer/compare/classical \
               trainer/evaluate trainer/export/burned trainer/fit/step trainer/simulate/body trainer/simulate/ct \
               trainer/simulate/radiograph trainer/simulate/space trainer/simulate/xray
RACED_LOOPS := internal/raster model model/onnx segment/picture segment/scales trainer/augment trainer/simulate/body
RACED_IN    := segment/capture segment/decode segment/field segment/seg trainer/export/burned
RACED_TESTS := TestSameCaptureSameBytes|TestRealCapture|TestDecodeSynthetic|TestEncodingsAgree|TestFieldFollowsThePicture|TestFieldOfNetworkAndBorders|TestFormPixels|TestExtreme
UNRACED     := $(foreach p,$(LOOPS) trainer/warp trainer/simulate/radiograph/...,-gcflags=dicomnode/$(p)=-race=false) \
               $(foreach p,compress/flate image/... modernc.org/sqlite/lib,-gcflags=$(p)=-race=false)

# Unit, interoperation and import-rule tests; the seeds of every fuzz target. vet has
# looked at them before. A program with the race detector sleeps a second before it ends,
# and the scripts run hundreds.
GOTEST = GORACE=atexit_sleep_ms=20 $(GO) test -vet=off -timeout 40m $(EXEC)
gotest: raced unraced

raced:
	failed=0; loops=$$($(GO) list $(LOOPS:%=./%)); \
	$(GOTEST) -race -buildmode=exe -p 3 $(UNRACED) $$($(GO) list ./... | grep -vxF "$$loops") || failed=1; \
	$(GOTEST) -race -buildmode=exe $(RACED_LOOPS:%=./%) || failed=1; \
	$(GOTEST) -race -buildmode=exe -run '^($(RACED_TESTS))$$' $(RACED_IN:%=./%) || failed=1; \
	exit $$failed

unraced:
	failed=0; \
	$(GOTEST) $(patsubst %,./%,$(filter-out $(RACED_LOOPS),$(LOOPS))) || failed=1; \
	$(GOTEST) -run '^TestKilledForMemory$$' ./dicomnode/e2e || failed=1; \
	exit $$failed

# What a new verb lacks: see CONTRIBUTING.md.
.PHONY: verb-check
verb-check:
	$(GO) test -vet=off ./dicomnode ./dicomnode/manpages -run '^(TestVerbs|TestVerbsOfReadme|TestWrongInputs|TestPages|TestImport.*|TestCommandsOfDocuments|TestChangelog)$$'

# CPU seconds that the tests of each package take, most first: CONTRIBUTING.md's table.
.PHONY: cpu
cpu:
	mkdir -p out; rm -f out/cpu
	time $(MAKE) gotest EXEC="-count=1 -exec '$(CURDIR)/.ci/cpu $(CURDIR)/out/cpu'"
	sort -k1,1nr out/cpu

# Every benchmark once, so that none rots; -short gives large ones small inputs.
benchonce:
	$(GO) test -vet=off -short -run '^$$' -bench . -benchtime 1x -timeout 20m \
	  $$(git grep -l '^func Benchmark' -- '*_test.go' | xargs -n 1 dirname | sort -u | sed 's|^|./|')

# 100,000 damaged codestreams of every family: none may cost more than itself.
fuzz-codecs: runtime
	CODEC_MUTATIONS=100000 $(GO) test -run '^TestMutatedStreams$$' -v -count 1 -timeout 60m ./internal/codec

bench:
	$(GO) test -run '^$$' -bench . -benchmem -timeout 30m ./...

# The page with cornerstone3D that dicomnode/viewers shows results in, under .viewers/;
# needs npm.
viewers:
	mkdir -p .viewers
	cp docs/viewers/*.js docs/viewers/*.mjs docs/viewers/*.json .viewers/
	cd .viewers && npm ci --no-audit --no-fund --legacy-peer-deps --ignore-scripts && node build.mjs

# README's figures, from the eleven radiographs in the repository.
figures: runtime build
	@bin/dicomnode trainer evaluate trainer/testdata/radiographs --markdown
	@echo
	@bin/dicomnode trainer compare trainer/testdata/radiographs --resamples 200
	@echo
	@echo "These images chose the kept step, the calibration and the soft-tissue threshold of the embedded model: its figures on them are optimistic."

# What each effort costs, and what it is worth: milliseconds of a picture of 2048×2048 pixels
# from samples to masks, in turns, and accuracy on the eleven radiographs in the repository.
efforts: runtime build
	$(GO) test ./dicomnode/pipeline -run '^$$' -bench Efforts -benchtime 10x
	@bin/dicomnode trainer compare trainer/testdata/radiographs --effort fast,normal,best --method none

# What the archive promises, under FAULTS injected faults: kills, errors of the disk,
# power cuts, lost and damaged indexes, damaged objects, repeats, hostile data sets; that
# each system call that fails beneath a running node is answered and logged; that no
# behaviour of a PACS is silent; and, over DICOM TLS with storage commitment, lost
# connections, repeats and kills. The tables of long runs stand in docs/durability.md;
# a bounded part is in gotest.
FAULTS ?= 10000
faults:
	FAULTS=$(FAULTS) $(GO) test -run TestFaults -count 1 -parallel 16 -v -timeout 6h ./internal/archive
	FAULTS=$(FAULTS) $(GO) test -run TestDiskErrors -count 1 -v -timeout 2h ./dicomnode/e2e
	$(GO) test -run TestOddPACSs -count 1 -v -timeout 1h ./dicomnode/node
	FAULTS=$$(($(FAULTS) / 20)) $(GO) test -run TestCutOverTLS -count 1 -v -timeout 2h ./dicomnode/node
	$(GO) test -run 'TestKilled.*OverTLS' -count $$(($(FAULTS) / 1000 + 1)) -v -timeout 4h ./dicomnode/e2e

# The content of structured reports against the templates of PS3.16, by
# DicomSRValidator (Debian: pixelmed-apps). Half a minute a report.
judge-reports:
	JUDGE_TEMPLATES=1 REQUIRE_PEERS=1 $(GO) test -run Templates -timeout 20m -v ./sr

# nnU-Net's integrity check and MONAI's loader on an exported set: 5 GB of Python packages
# under out/judges the first time.
export-judges: JUDGES ?= $(CURDIR)/out/judges
export-judges:
	bash trainer/export/judges/fetch.sh $(JUDGES)
	JUDGES=$(JUDGES) $(GO) test -run '^TestJudges$$' -count 1 -timeout 30m -v ./trainer/export

# Recall of burned-in text on BURNED_IN_IMAGES simulated pictures with typefaces that the
# detector was not made on, and on a quarter as many with the simulator's own text: the
# figures of docs/export.md. It takes hours; the typefaces are those of Debian's
# fonts-dejavu and fonts-liberation.
.PHONY: burned-in
burned-in: BURNED_IN_IMAGES ?= 2000
burned-in: BURNED_IN_TYPEFACES ?= /usr/share/fonts/truetype/dejavu:/usr/share/fonts/truetype/liberation
burned-in: runtime
	BURNED_IN_TYPEFACES=$(BURNED_IN_TYPEFACES) BURNED_IN_IMAGES=$(BURNED_IN_IMAGES) BURNED_IN_SEED=7500 \
	  $(GO) test ./trainer/export/burned -run '^TestRecall$$' -count 1 -v -timeout 12h
	BURNED_IN_WRITTEN=1 BURNED_IN_IMAGES=$$(($(BURNED_IN_IMAGES) / 4)) BURNED_IN_SEED=7600 \
	  $(GO) test ./trainer/export/burned -run '^TestRecall$$' -count 1 -v -timeout 12h
	$(GO) test ./trainer/export/burned -run '^TestRealRadiographs$$' -count 1 -v -timeout 1h

# What other de-identifiers leave of the planted values, beside ours: the table of
# docs/export.md. It needs the cases beside the checkout, ../shared/cases/deid.
.PHONY: export-peers
export-peers: PEERS ?= $(CURDIR)/out/peers
export-peers: build
	bash trainer/deidentify/fetch.sh
	[ -x $(PEERS)/bin/python ] || python3 -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install -q --disable-pip-version-check -r trainer/export/judges/peers.txt
	$(PEERS)/bin/python trainer/export/judges/peers.py --program bin/dicomnode --cases ../shared/cases/deid --packages .runtime/deidentify

# Every fuzz target in turn, FUZZTIME seconds for all of them together. A finding
# is written to the package's testdata/fuzz, where it becomes a seed, and the next
# target has its turn.
FUZZTIME ?= 3600
.PHONY: fuzz
fuzz:
	@targets=$$($(GO) test -list '^Fuzz' ./... | awk '/^Fuzz/ {name[++n] = $$1} /^ok/ {while (n) print $$2, name[n--]}'); \
	each=$$(($(FUZZTIME) / $$(wc -l <<< "$$targets"))); found=; \
	while read -r package name; do \
	  echo "$$package $$name: $$((each > 0 ? each : 1)) s"; \
	  $(GO) test -run '^$$' -fuzz "^$$name$$" -fuzztime "$$((each > 0 ? each : 1))s" "$$package" || found+=" $$package.$$name"; \
	done <<< "$$targets"; \
	[ -z "$$found" ] || { echo "findings:$$found"; exit 1; }

# Packages, bill of materials and sums in dist/; SIGNING_KEY=FILE signs the sums.
dist: runtime
	bash deploy/dist.sh

# Builds twice and compares, then installs, upgrades and removes the .deb in a chroot
# without a network. Needs root, mmdebstrap and systemd.
dist-check: runtime
	DIST=dist bash deploy/dist.sh
	DIST=out/dist-again bash deploy/dist.sh
	diff dist/SHA256SUMS out/dist-again/SHA256SUMS
	bash deploy/check.sh dist/*.deb

# What docs/changes holds becomes the section of a release in CHANGELOG.md.
changelog:
	$(GO) run ./dicomnode/changelog $(RELEASE)

clean:
	rm -rf bin out dist
