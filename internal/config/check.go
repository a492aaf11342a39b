package config

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/internal/policyfile"
	"labelgate/internal/suggest"
	"labelgate/netlabel"
)

// The words of the settings that are one of a few. The place of a word is its
// value.
var (
	modes     = [...]string{netlabel.Strict: "strict", netlabel.Compat: "compat"}
	trusts    = [...]string{netlabel.Refuse: "refuse", netlabel.Accept: "accept", netlabel.Require: "require"}
	backends  = [...]string{Auto: "auto", Native: "native", Compat: "compat"}
	formats   = [...]string{Text: "text", JSON: "json"}
	canonical = [...]string{0: "refuse", 1: "accept"}

	demands    = [...]string{Check: "check", Required: "require", Signed: "signed", Off: "off"}
	kernelDOIs = [...]string{Register: "register", Leave: "leave"}

	confinements = [...]string{Strict: "strict", Single: "single"}
)

// The defaults of what the file leaves out.
const (
	defaultPolicy      = "policy"
	defaultAmbient     = "_"
	defaultLogging     = 1
	defaultQueue       = 100
	defaultQueueLength = 4096
)

// checker turns raw structs into a Config. It goes on after a problem, with the
// zero value, so that one run shows them all.
type checker struct {
	binder
	dir string // directory of the settings file
}

func (c *checker) file(f *rawFile) *Config {
	config := &Config{
		Mode:    netlabel.Mode(c.word(f.mode, "mode", modes[:])),
		Policy:  c.path(f.policy, "policy", defaultPolicy),
		Dialect: c.dialect(f.dialect),
		Ambient: c.label(f.ambient, "ambient", defaultAmbient),
		Direct:  uint8(c.number(f.direct, "direct", 0, math.MaxUint8, cipso.DirectLevel)),
		Mapped:  uint8(c.number(f.mapped, "mapped", 0, math.MaxUint8, cipso.MappedLevel)),
		Logging: int(c.number(f.logging, "logging", 0, 3, defaultLogging)),
		Bringup: f.bringup.value, PinFlows: f.pinFlows.value,
		Self:    c.self(&f.self),
		Queue:   c.queue(&f.queue.value),
		Audit:   c.audit(&f.audit.value),
		Control: c.control(&f.control),
		Metrics: c.metrics(&f.metrics.value),

		KernelDOI: KernelDOI(c.word(f.kernelDOI, "kernel-doi", kernelDOIs[:])),

		Confinement: Confinement(c.word(f.confinement, "confinement", confinements[:])),
	}
	config.Manifest = c.manifest(f)
	if config.Direct == config.Mapped {
		at := f.mapped
		if !at.set {
			at = f.direct
		}
		if at.set {
			c.problem(at.at, "levels", "", "direct and mapped are both level %d: a label's text and its number could not be told apart", config.Direct)
		}
	}
	c.sockets(&f.metrics.value, config)
	config.DOIs = c.dois(f.dois.value)
	config.Zones = c.zones(f.zones, config.DOIs)
	return config
}

func (c *checker) self(s *entry[rawSelf]) Self {
	if !s.set {
		return Self{}
	}
	line, _, _ := c.doc.position(s.at)
	label := s.value.label
	switch {
	case label.absent():
		c.missing(s.at, "label", "[self]", `leave out [self] when the machine is to take no part`)
	case label.value == "@" || label.value == "*":
		// @ may do everything, * nothing: neither is something a machine can be.
		c.problem(label.at, "label", "", "%q cannot be the label of the machine itself", label.value)
	}
	return Self{Label: c.label(label, "label", ""), Line: line}
}

func (c *checker) queue(q *rawQueue) Queue {
	return Queue{
		Number:  uint16(c.number(q.number, "number", 0, math.MaxUint16, defaultQueue)),
		Length:  uint32(c.number(q.length, "length", 1, math.MaxUint16, defaultQueueLength)),
		Backend: Backend(c.word(q.backend, "backend", backends[:])),
	}
}

// word returns the place of the value among words; 0, the default, when unset.
func (c *checker) word(t text, name string, words []string) int {
	if !t.set {
		return 0
	}
	i := slices.Index(words, t.value)
	if i < 0 {
		c.problem(t.at, "value", suggest.HintOrAll(t.value, words), "%s cannot be %q", name, t.value)
		return 0
	}
	return i
}

func (c *checker) dialect(t text) policyfile.Dialect {
	if !t.set {
		return policyfile.Labelgate
	}
	d, err := policyfile.ParseDialect(t.value)
	if err != nil {
		c.problem(t.at, "value", suggest.HintOrAll(t.value, []string{"labelgate", "kernel", "libsmack", "systemd"}), "dialect cannot be %q", t.value)
	}
	return d
}

// number returns the value, which must be within low..high; unset when unset.
func (c *checker) number(n number, name string, low, high, unset int64) int64 {
	if !n.set {
		return unset
	}
	if n.value < low || n.value > high {
		c.problem(n.at, "range", "", "%s must be %d..%d, this is %d", name, low, high, n.value)
		return unset
	}
	return n.value
}

// path returns the absolute path of a value, from the settings file's directory.
func (c *checker) path(t text, name, unset string) string {
	value := t.value
	if !t.set {
		value = unset
	}
	switch {
	case t.set && value == "":
		c.problem(t.at, "value", "leave it out when there is none", "%s is empty", name)
	case strings.ContainsRune(value, 0):
		c.problem(t.at, "value", "", "%s contains a zero byte", name)
	}
	if value == "" || filepath.IsAbs(value) {
		return value
	}
	return filepath.Join(c.dir, value)
}

// label returns the value, which must be a legal label; unset when unset.
func (c *checker) label(t text, name, unset string) string {
	if !t.set {
		return unset
	}
	if err := engine.CheckLabel(t.value); err != nil {
		at := t.at
		var fault *engine.LabelError
		// Point at the byte at fault where the literal shows the label as it is.
		if errors.As(err, &fault) && at.length == len(t.value)+2 {
			at.offset += 1 + fault.Offset
		}
		c.problem(at, "label", "", "%s: %v", name, err)
		return unset
	}
	return t.value
}

func (c *checker) missing(at span, name, where, hint string) {
	c.problem(at, "missing", hint, "%s has no %s", where, name)
}

// line says where the first of two stands.
func (c *checker) line(at span) string {
	line, _, _ := c.doc.position(at)
	return fmt.Sprintf("line %d", line)
}
