# Two commands are all a newcomer needs: `make demo` and `make test`.

GO       ?= go
FUZZTIME ?= 5s
# How many digits git needs to name a commit grows with a clone: 12 are enough for long.
VERSION  ?= $(shell git describe --tags --always --dirty --abbrev=12 2>/dev/null || echo unknown)
BUILD    := $(GO) build -trimpath -buildvcs=false -ldflags '-X labelgate/internal/version.Version=$(VERSION)'
ARCHES   ?= amd64 arm64
DIST     ?= dist
BINARIES  = $(foreach arch,$(ARCHES),$(DIST)/linux-$(arch)/labelgate $(DIST)/linux-$(arch)/labelgated)

# What else changes the bytes of a binary is the same on every machine.
export CGO_ENABLED  := 0
export GOFLAGS      := -buildvcs=false
export GOAMD64      := v1
export GOARM64      := v8.0
export GOEXPERIMENT :=

.PHONY: all build demo test soak soak-short race lint fuzz bench interop router clean tools install install-files binaries sbom licenses release reproduce catalog

all: build

build: | tools
	$(BUILD) -o bin/ ./cmd/labelgate ./cmd/labelgated

# The example lab: labeled and unlabeled hosts in network namespaces around a
# real gateway, ending in a table of what passed, what was dropped and why.
demo: build
	bin/labelgate lab demo

test: build
	$(GO) test -count=1 -timeout 15m $(TESTFLAGS) ./...

# What threatens a gateway from inside, with a sniffer behind it as the judge, and
# the figures of that. make test does the same without the table.
soak-short: | tools
	@rm -f out/figures/faults.jsonl
	@code=0; $(GO) test -count=1 -timeout 15m $(TESTFLAGS) ./test/faults || code=1; \
	$(GO) run ./test/soak faults || code=1; exit $$code

# The long form of the tests that draw their cases, or go in rounds: more of them,
# and others each time. SOAK=3 asks for three times as many, DURATION=8h for rounds
# of faults for about that long; LABELGATE_SEED=N draws again what a table says was
# drawn.
SOAK     ?= 1
DURATION ?=
soaked   := ./internal/auditor ./internal/control ./internal/queue ./internal/split ./test/differential ./test/e2e ./test/hostile ./test/policies ./test/faults

soak: | tools
	@rm -f out/figures/soak-*.jsonl
	@code=0; LABELGATE_SOAK=$(SOAK) LABELGATE_DURATION=$(DURATION) $(GO) test -count=1 -p 1 -timeout 48h $(TESTFLAGS) $(soaked) || code=1; \
	$(GO) run ./test/soak || code=1; exit $$code

# The race detector needs cgo; packages that move between namespaces are left out.
race: | tools
	CGO_ENABLED=1 $(GO) test -count=1 -race ./cipso ./engine ./hostmap ./internal/audit ./internal/auditor/... ./internal/control ./internal/daemon ./internal/icmp ./internal/judge ./internal/links ./internal/queue ./internal/split ./netlabel

lint: | tools
	@test -z "$$(gofmt -s -l $$(git ls-files '*.go'))" || { gofmt -s -l $$(git ls-files '*.go'); echo 'run gofmt -s -w on these'; exit 1; }
	$(GO) vet ./...
	GOARCH=arm64 $(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) mod verify

# Every fuzz target for a short while; what they find stays in testdata/fuzz.
fuzz: | tools
	GO=$(GO) FUZZTIME=$(FUZZTIME) test/fuzz.sh

bench: build
	$(GO) run ./test/bench

# Real Smack kernels as the gateway's peers, in User-Mode Linux. The kernel is
# built from Debian's source, which takes some minutes, once.
interop: build
	$(GO) vet -tags interop ./test/interop
	$(GO) tool staticcheck -tags interop ./test/interop
	kernel=$$(test/interop/kernel.sh) && LABELGATE_UML=$$kernel $(GO) test -count=1 -v -timeout 10m -tags interop ./test/interop

# The netfilter rules in a kernel that has what the one underneath may not have: flow
# tables, IPVS, and nf_tables' own queue. It is built like the other.
router: | tools
	$(GO) vet -tags router ./internal/nft ./test/router
	$(GO) tool staticcheck -tags router ./internal/nft ./test/router
	kernel=$$(test/interop/kernel.sh test/router/kernel.fragment) && LABELGATE_UML=$$kernel $(GO) test -count=1 -v -timeout 10m -tags router ./test/router

# What a release consists of, in dist/. The same commit and the same Go give the same
# bytes, whoever builds it where: `make reproduce` tries.
release: sbom
	cp LICENSE packaging/THIRD_PARTY.md $(DIST)/
	cd $(DIST) && find . -type f ! -name SHA256SUMS | LC_ALL=C sort | xargs sha256sum >SHA256SUMS

binaries: | tools
	rm -rf $(DIST)/linux-* $(DIST)/SHA256SUMS
	$(foreach arch,$(ARCHES),mkdir -p $(DIST)/linux-$(arch) && GOOS=linux GOARCH=$(arch) $(BUILD) -o $(DIST)/linux-$(arch)/ ./cmd/labelgate ./cmd/labelgated &&) :

INSIDE = GOMODCACHE="$$($(GO) env GOMODCACHE)" GOROOT="$$($(GO) env GOROOT)" $(GO) run ./packaging/release

# The list of all that is inside, for who looks for known holes.
sbom: binaries
	$(INSIDE) sbom $(VERSION) $(BINARIES) >$(DIST)/labelgate.cdx.json

# The licences of all that is inside. A file of the sources, so that a new one is
# seen in a review.
licenses: binaries
	$(INSIDE) licenses $(BINARIES) >packaging/THIRD_PARTY.md

# What journalctl -x says below a record; also a file of the sources.
catalog: | tools
	$(GO) run ./packaging/release catalog >packaging/journal/labelgate.catalog.new
	mv packaging/journal/labelgate.catalog.new packaging/journal/labelgate.catalog

# Two clean clones in different places, built twice from nothing.
reproduce: | tools
	GO=$(GO) packaging/reproduce.sh

# Installs what `make build` built, for who makes a package (DESTDIR). It starts
# nothing: docs/operations.md says how.
install: install-files
	@test -x bin/labelgated || { echo 'nothing is built yet: run make build first'; exit 1; }
	install -D -m 0755 -t $(DESTDIR)/usr/bin bin/labelgate
	install -D -m 0755 -t $(DESTDIR)/usr/sbin bin/labelgated

install-files:
	install -D -m 0644 -t $(DESTDIR)/usr/lib/systemd/system packaging/systemd/*.service
	install -D -m 0644 -t $(DESTDIR)/usr/lib/systemd/catalog packaging/journal/labelgate.catalog
	install -D -m 0644 -t $(DESTDIR)/usr/lib/sysusers.d packaging/sysusers.d/labelgate.conf
	install -D -m 0644 -t $(DESTDIR)/usr/lib/tmpfiles.d packaging/tmpfiles.d/labelgate.conf
	install -D -m 0644 -t $(DESTDIR)/usr/share/doc/labelgate README.md CHANGELOG.md LICENSE packaging/THIRD_PARTY.md docs/*.md
	install -D -m 0644 -t $(DESTDIR)/usr/share/doc/labelgate/drop-ins packaging/systemd/drop-ins/*.conf
	cp -R examples $(DESTDIR)/usr/share/doc/labelgate/

tools:
	@command -v $(GO) >/dev/null || { echo 'labelgate needs Go 1.26 or later: https://go.dev/dl'; exit 1; }

clean:
	rm -rf bin out dist
