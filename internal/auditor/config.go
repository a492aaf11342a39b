package auditor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"labelgate/internal/audit"
)

// The outputs that are not the path of a file.
const (
	Stdout  = "stdout"
	Stderr  = "stderr"
	Journal = "journal" // systemd's
)

// Sync says when records must be on disk. A process that ends, in whatever way,
// loses nothing in any of these; a machine that loses power may.
type Sync uint8

const (
	SyncSeal   Sync = iota // with every seal
	SyncBatch              // also 50 ms behind any record
	SyncAlways             // before a datagram is taken out of the socket
	SyncNever              // when the kernel likes to
)

const (
	batchInterval = 50 * time.Millisecond
	longestTick   = time.Second
)

// Config is what an auditor is told. Of a zero value the comment says what it
// means.
type Config struct {
	Socket int    // descriptor of its end, see audit.NewPair; the auditor closes it
	Output string // Stdout, Stderr, Journal or the path of a file
	Format audit.Format

	KeyFile      string        // of the key that seals are made with; "" for none
	SealRecords  uint64        // at most between two seals; 0 for 8192
	SealInterval time.Duration // at most between a record and a seal; 0 for 10 s
	SealCopy     string        // Stderr, Journal or "": where seals go as well
	Sync         Sync

	RotateSize int64         // bytes; 0 for no limit
	RotateAge  time.Duration // 0 for no limit
	RotateKeep int           // files that were closed and are kept; 0 for all

	Kernel bool // records go to the kernel's audit subsystem as well

	// LockWait is how long Open waits for another auditor to let go of the file and
	// of the key; 0 for not at all.
	LockWait time.Duration

	Rotate    <-chan struct{} // asks for a new file; may be nil
	Heartbeat func(Status)    // called every second, from a goroutine of its own; may be nil
	Progress  *Progress       // in memory that outlives the process; nil for memory of its own
	Patience  time.Duration   // how long the end waits for an output that takes nothing; 0 for 2 s

	Stdout, Stderr io.Writer                        // nil for the process's own
	Errorf         func(format string, args ...any) // for the operator; nil for nobody
	Now            func() (time.Time, uint64)       // wall time and CLOCK_MONOTONIC in ns; nil for this machine's

	bootID string
	wrap   func(io.Writer) io.Writer // tests put a disk that fails around the file
	dialed dialed
}

// dialed are connections that a test puts in the place of the machine's.
type dialed struct {
	kernel  func() (kernelConn, error)
	journal sendFunc
}

// complete fills in what is left out.
func (c *Config) complete() error {
	if c.SealRecords == 0 {
		c.SealRecords = 8192
	}
	if c.SealInterval == 0 {
		c.SealInterval = 10 * time.Second
	}
	if c.Patience == 0 {
		c.Patience = 2 * time.Second
	}
	if c.Progress == nil {
		c.Progress = new(Progress)
	}
	if c.Stdout == nil {
		c.Stdout = os.Stdout
	}
	if c.Stderr == nil {
		c.Stderr = os.Stderr
	}
	if c.Errorf == nil {
		c.Errorf = func(string, ...any) {}
	}
	if c.Now == nil {
		c.Now = audit.NewClock().Now
	}
	if c.dialed.journal == nil {
		c.dialed.journal = sendJournal
	}
	if c.dialed.kernel == nil {
		c.dialed.kernel = dialKernel
	}
	c.bootID = readBootID()
	switch c.Output {
	case "":
		return errors.New("no output for audit records")
	case Stdout, Stderr, Journal:
		return nil
	}
	path, err := filepath.Abs(c.Output)
	if err != nil {
		return fmt.Errorf("audit file: %w", err)
	}
	c.Output = path
	return nil
}

// readBootID names this boot, "" where the kernel does not.
func readBootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}

// copySeal shows a seal elsewhere, as a line of the trail. What becomes of the
// copy is nobody's concern but the operator's.
func (c *Config) copySeal(line []byte) {
	var err error
	switch c.SealCopy {
	case Stderr:
		_, err = c.Stderr.Write(line)
	case Journal:
		text := strings.TrimSuffix(string(line), "\n")
		err = c.dialed.journal(text, journalInfo, map[string]string{"MESSAGE_ID": MessageID(audit.EventSealed, "", ""), "LABELGATE_EVENT": audit.EventSealed})
	default:
		return
	}
	if err != nil {
		c.Errorf("a copy of a seal: %v", err)
	}
}
