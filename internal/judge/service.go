// Package judge is the part of labelgated that sees packets: it holds the policy
// in force, judges every packet of a queue by it, remembers what has to be
// remembered of them and tells of each verdict. It needs no capability and owns no
// queue, no netfilter rule and no file that is written: whoever takes it over by
// what a packet holds can judge wrongly, and nothing else.
package judge

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"labelgate/engine"
	"labelgate/internal/audit"
	"labelgate/internal/config"
	"labelgate/internal/flow"
	"labelgate/internal/fragment"
	"labelgate/internal/load"
)

// Config says what a Service works with.
type Config struct {
	// Links knows the machine's links.
	Links Links
	// Errors sends ICMP errors; nil sends none.
	Errors Errors
	// Records takes what became of packets.
	Records *audit.Pipe
	// Limits say how many of them are written one by one. Outstanding is not used:
	// it is that of Records.
	Limits audit.LimiterOptions
	// Buffers returns one buffer of BufferLen bytes for each packet of a batch, for
	// what leaves changed. They stay the handler's until it is called again. nil lets
	// it make its own.
	Buffers func() [][]byte
}

// Service judges packets by a policy that is replaced as a whole. Prepare, Commit
// and Abort belong to one goroutine at a time; the rest may be called from any.
type Service struct {
	Config
	live     live
	counters *audit.Counters

	visits    visits // of Table, to the handler
	flows     *remembered[flow.Listed]
	datagrams *remembered[fragment.Listed]

	mu       sync.Mutex // for what follows
	prepared *load.Gateway
}

// New returns a Service without a policy. Handler's handlers must not be given
// packets before the first Commit.
func New(c Config) *Service {
	return &Service{
		Config: c, counters: NewCounters(),
		visits: visits{patience: visitPatience}, flows: newFlows(), datagrams: newDatagrams(),
	}
}

// Prepare compiles a policy and keeps it beside the one in force until Commit or
// Abort. Nothing else changes. The error, a policyfile.Problems where files are at
// fault, names everything wrong at once.
func (s *Service) Prepare(b *load.Bundle, generation uint32) (Summary, error) {
	g, err := b.Compile(generation)
	if err != nil {
		return Summary{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepared = g
	return summary(g), nil
}

// errNothingPrepared is a mistake of the caller.
var errNothingPrepared = errors.New("no policy was prepared")

// Commit puts what was prepared in force, between two batches of packets: none
// meets two policies. stamp is the generation that marks carry from then on. What
// was in force stays so when it fails.
func (s *Service) Commit(stamp uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.prepared
	if next == nil {
		return errNothingPrepared
	}
	now := s.live.load()
	if now == nil || !slices.EqualFunc(now.gateway.Config.Zones, next.Config.Zones, sameZone) {
		if err := s.Links.SetZones(Interfaces(next.Config)); err != nil {
			return fmt.Errorf("links: %w", err)
		}
	}
	s.prepared = nil
	s.live.store(newState(next, s.Links, s.counters, stamp))
	return nil
}

// sameZone reports whether a number stands for the same zone in two policies.
func sameZone(a, b config.Zone) bool {
	return a.Name == b.Name && slices.Equal(a.Interfaces, b.Interfaces)
}

// Abort forgets what was prepared.
func (s *Service) Abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepared = nil
}

// Relink makes what is in force know the links of this moment. It is for whoever
// hears that they changed.
func (s *Service) Relink() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.live.load(); now != nil {
		s.live.store(newState(now.gateway, s.Links, s.counters, now.stamp))
	}
}

// SetTranslated says whether this machine translates addresses. Where it does, or
// may, only the source of a packet is judged at PREROUTING.
func (s *Service) SetTranslated(yes bool) { s.live.translated.Store(yes) }

// Handler returns the handler of the one queue that is judged here.
func (s *Service) Handler() *Handler {
	r := newRecorder(s.counters, s.Records, s.Limits)
	j := newJudge(&s.live, s.Links, r, s.Errors)
	j.lent = s.Buffers
	return &Handler{judge: j, recorder: r, tested: newJudge(&s.live, s.Links, unseen{}, nil), visits: &s.visits}
}

// Summary is what a loaded policy holds, for people.
type Summary struct {
	Zones, Rules, Hosts int
	Labels, Files       int // labels without those that every policy has
	Mode                string
	Generation          uint32
	Warnings            []Warning
	// Digest is that of everything that was read, Numbering that of what the numbers
	// in marks mean: policies with the same may follow one another unnoticed by
	// packets on their way.
	Digest, Numbering string
}

// Warning is something that looks wrong in a file and means something.
type Warning struct {
	Message, File string
	Line          int
	Hint          string
}

func summary(g *load.Gateway) Summary {
	s := Summary{
		Zones: g.Snapshot.Zones(), Rules: g.Snapshot.Policy().RuleCount(), Hosts: g.Snapshot.Entries(),
		Mode: g.Snapshot.Mode().String(), Generation: g.Snapshot.Generation(),
		Labels: g.Snapshot.Policy().Labels() - int(engine.FirstLabel), Files: len(g.Files),
		Digest: hex.EncodeToString(g.Digest[:]), Numbering: hex.EncodeToString(g.Numbering[:]),
	}
	for _, w := range g.Warnings {
		s.Warnings = append(s.Warnings, Warning{w.Message, w.File, w.Line, w.Hint})
	}
	return s
}

// Interfaces lists the interfaces of each zone, zone 1 first.
func Interfaces(c *config.Config) [][]string {
	names := make([][]string, len(c.Zones))
	for i, z := range c.Zones {
		names[i] = z.Interfaces
	}
	return names
}

// Counts is what became of packets so far.
func (s *Service) Counts() ([]audit.ZoneCounts, error) { return s.counters.All(), nil }
