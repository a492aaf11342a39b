package config

import (
	"math"
	"path/filepath"
	"time"
)

// The defaults of [audit].
const (
	defaultAuditBuffer  = 4 // MiB
	defaultLimit        = 1000
	defaultBurst        = 10000
	defaultRotateSize   = 64 // MiB
	defaultSealInterval = 10 // s
	defaultSealRecords  = 8192
)

const mebibyte = 1 << 20

func (c *checker) audit(a *rawAudit) Audit {
	audit := Audit{
		Output: c.auditOutput(a.output),
		Format: Format(c.word(a.format, "format", formats[:])),
		Full:   Full(c.word(a.full, "full", fulls[:])),
		Buffer: int(c.number(a.buffer, "buffer", 1, 1024, defaultAuditBuffer)) * mebibyte,
		Limit:  uint32(c.number(a.limit, "record-limit", 0, 1e6, defaultLimit)),
		Burst:  uint32(c.number(a.burst, "record-burst", 1, 1e9, defaultBurst)),
		Kernel: a.kernel.value,
	}
	if audit.Limit == 0 && a.burst.set {
		c.problem(a.burst.at, "value", "leave it out", "record-burst means nothing without a record-limit")
	}
	if filepath.IsAbs(audit.Output) {
		c.auditFile(a, &audit)
	} else {
		c.noAuditFile(a, audit.Output)
	}
	return audit
}

func (c *checker) auditOutput(t text) string {
	if !t.set {
		return Stderr
	}
	switch t.value {
	case Stderr, Stdout, Journal:
		return t.value
	}
	return c.path(t, "output", "")
}

// auditFile checks what is about the file that records go to.
func (c *checker) auditFile(a *rawAudit, audit *Audit) {
	audit.RotateSize = c.number(a.rotateSize, "rotate-size", 0, math.MaxInt32, defaultRotateSize) * mebibyte
	audit.RotateAge = time.Duration(c.number(a.rotateAge, "rotate-age", 0, 24*366, 0)) * time.Hour
	audit.RotateKeep = int(c.number(a.rotateKeep, "rotate-keep", 0, 999999, 0))
	audit.Sync = Sync(c.word(a.sync, "sync", syncs[:]))
	audit.SealKey = c.path(a.sealKey, "seal-key", "")
	audit.SealInterval = time.Duration(c.number(a.sealInterval, "seal-interval", 1, 3600, defaultSealInterval)) * time.Second
	audit.SealRecords = uint64(c.number(a.sealRecords, "seal-records", 1, 1e9, defaultSealRecords))
	audit.SealCopy = SealCopy(c.word(a.sealCopy, "seal-copy", sealCopies[:]))
	if a.sealKey.set && audit.SealKey == audit.Output {
		c.problem(a.sealKey.at, "value", "give the key a file of its own", "seal-key and output are the same file")
	}
}

// noAuditFile finds keys that mean nothing because records do not go to a file.
// Somebody who writes seal-key believes that seals are made.
func (c *checker) noAuditFile(a *rawAudit, output string) {
	for _, k := range []struct {
		name string
		set  bool
		at   span
	}{
		{"rotate-size", a.rotateSize.set, a.rotateSize.at}, {"rotate-age", a.rotateAge.set, a.rotateAge.at},
		{"rotate-keep", a.rotateKeep.set, a.rotateKeep.at}, {"sync", a.sync.set, a.sync.at},
		{"seal-key", a.sealKey.set, a.sealKey.at}, {"seal-interval", a.sealInterval.set, a.sealInterval.at},
		{"seal-records", a.sealRecords.set, a.sealRecords.at}, {"seal-copy", a.sealCopy.set, a.sealCopy.at},
	} {
		if k.set {
			c.problem(k.at, "value", "give output a path, or leave this out", "%s is about a file, and records go to %s", k.name, output)
		}
	}
}
