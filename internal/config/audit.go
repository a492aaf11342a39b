package config

import "time"

// Audit says where audit records go, how many of them, and what holds them
// together.
type Audit struct {
	Output string // Stderr, Stdout, Journal or an absolute path
	Format Format
	Full   Full
	Buffer int // bytes of records that may wait to be written

	Limit uint32 // records a second of one reason, zone and /24 network; 0 for all
	Burst uint32 // of them at once

	// What follows is for a file and has zero values otherwise, but for Kernel.

	RotateSize   int64         // bytes after which a new file is begun; 0 for never
	RotateAge    time.Duration // the same; 0 for never
	RotateKeep   int           // closed files that stay; 0 for all
	Sync         Sync
	SealKey      string // absolute path of the key that seals are made with, or ""
	SealInterval time.Duration
	SealRecords  uint64
	SealCopy     SealCopy

	Kernel bool // the kernel's audit subsystem gets the records as well
}

// The outputs of Audit that are not a path.
const (
	Stderr  = "stderr"
	Stdout  = "stdout"
	Journal = "journal" // systemd's
)

// Full says what happens to packets while their records are not taken.
type Full uint8

// What a full audit trail means.
const (
	Halt    Full = iota // nothing passes
	Degrade             // packets pass unrecorded, and are counted
)

// String returns the word used in the settings.
func (f Full) String() string { return fulls[f%Full(len(fulls))] }

// Sync says when records are to be on disk, in case the machine loses power.
type Sync uint8

// With each seal; 50 ms behind any record as well; before anything else happens;
// whenever the kernel likes.
const (
	SyncSeal Sync = iota
	SyncBatch
	SyncAlways
	SyncNever
)

// String returns the word used in the settings.
func (s Sync) String() string { return syncs[s%Sync(len(syncs))] }

// SealCopy says where seals go besides the file.
type SealCopy uint8

// Nowhere, to standard error or to the journal.
const (
	CopyNone SealCopy = iota
	CopyStderr
	CopyJournal
)

// String returns the word used in the settings.
func (s SealCopy) String() string { return sealCopies[s%SealCopy(len(sealCopies))] }

var (
	fulls      = [...]string{Halt: "halt", Degrade: "degrade"}
	syncs      = [...]string{SyncSeal: "seal", SyncBatch: "batch", SyncAlways: "always", SyncNever: "never"}
	sealCopies = [...]string{CopyNone: "none", CopyStderr: "stderr", CopyJournal: "journal"}
)
