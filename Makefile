# Two commands are all a newcomer needs: `make demo` and `make test`.

GO       ?= go
FUZZTIME ?= 5s
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
BUILD    := $(GO) build -trimpath -buildvcs=false -ldflags '-X labelgate/internal/version.Version=$(VERSION)'

export CGO_ENABLED := 0
export GOFLAGS     := -buildvcs=false

.PHONY: all build demo test soak race lint fuzz bench interop clean tools

all: build

build: | tools
	$(BUILD) -o bin/ ./cmd/labelgate ./cmd/labelgated

# The example lab: labeled and unlabeled hosts in network namespaces around a
# real gateway, ending in a table of what passed, what was dropped and why.
demo: build
	bin/labelgate lab demo

test: build
	$(GO) test -count=1 -timeout 15m $(TESTFLAGS) ./...

# The long form of the tests that draw their cases: more of them, and others each
# time. SOAK=3 draws three times as many; LABELGATE_SEED=N draws again what a
# table says was drawn.
SOAK   ?= 1
soaked := ./test/differential ./test/e2e ./test/hostile

soak: | tools
	@rm -f out/figures/soak-*.jsonl
	@code=0; LABELGATE_SOAK=$(SOAK) $(GO) test -count=1 -p 1 -timeout 12h $(TESTFLAGS) $(soaked) || code=1; \
	$(GO) run ./test/soak || code=1; exit $$code

# The race detector needs cgo; packages that move between namespaces are left out.
race: | tools
	CGO_ENABLED=1 $(GO) test -count=1 -race ./cipso ./engine ./hostmap ./netlabel ./internal/audit ./internal/daemon ./internal/icmp ./internal/links ./internal/queue ./internal/split

lint: | tools
	@test -z "$$(gofmt -s -l $$(git ls-files '*.go'))" || { gofmt -s -l $$(git ls-files '*.go'); echo 'run gofmt -s -w on these'; exit 1; }
	$(GO) vet ./...
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

tools:
	@command -v $(GO) >/dev/null || { echo 'labelgate needs Go 1.26 or later: https://go.dev/dl'; exit 1; }

clean:
	rm -rf bin out
