# dicomnode: everything a developer or CI runs.
SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO          ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)

.PHONY: all viewers runtime runtime-gpu build demo test check format vet staticcheck gotest benchonce bench judge-reports clean

all: build

# The pinned ONNX Runtime and codec libraries under .runtime/, checked by SHA-256.
runtime:
	bash internal/runtime/fetch.sh
	bash internal/runtime/fetch.sh codecs

# The pinned CUDA build and the CUDA libraries it loads (2.3 GB).
runtime-gpu:
	bash internal/runtime/fetch.sh gpu

build:
	$(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bi./dicomnode ./dicomnode

# A node, a small PACS and simulated radiographs on loopback; results in out/demo.
# DEMO_INPUT="FILE…" adds images of your own.
demo: runtime build
	bi./dicomnode demo --out out/demo $(DEMO_INPUT)

# What CI runs.
test: runtime build check

check: format vet staticcheck gotest benchonce

format:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi

vet:
	$(GO) vet ./...

staticcheck:
	$(GO) run $(STATICCHECK) ./...

# Unit, interoperation and import-rule tests; the seeds of every fuzz target.
gotest:
	$(GO) test -race -timeout 15m ./...

# Every benchmark once, so that none rots.
benchonce:
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 10m ./...

bench:
	$(GO) test -run '^$$' -bench . -benchmem -timeout 30m ./...

# The page with cornerstone3D that dicomnode/viewers shows results in, under .viewers/;
# needs npm.
viewers:
	mkdir -p .viewers
	cp docs/viewers/*.js docs/viewers/*.mjs docs/viewers/*.json .viewers/
	cd .viewers && npm ci --no-audit --no-fund --legacy-peer-deps --ignore-scripts && node build.mjs

# The content of structured reports against the templates of PS3.16, by
# DicomSRValidator (Debian: pixelmed-apps). Half a minute a report.
judge-reports:
	JUDGE_TEMPLATES=1 REQUIRE_PEERS=1 $(GO) test -run Templates -timeout 20m -v ./sr

clean:
	rm -rf bin out
