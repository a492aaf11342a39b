package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/internal/auditor"
	"labelgate/internal/channel"
	"labelgate/internal/config"
	"labelgate/internal/sandbox"
)

// runAuditor is the process that writes records. It ends when nobody asks it any more
// and what waited is written.
func runAuditor(log *slog.Logger, _ []string) error {
	f := inherited("channel", "records", "progress")
	progress, err := mapProgress(f[2])
	if err != nil {
		return err
	}
	var (
		ctx, cancel = context.WithCancel(context.Background())
		rotate      = make(chan struct{}, 1)
		done        = make(chan error, 1)
		serving     *auditor.Auditor
	)
	defer cancel()
	type none struct{}
	verbs := map[string]channel.Handler{
		verbOpen: channel.Bind(func(a config.Audit) (state sandbox.State, err error) {
			if serving != nil {
				return state, errors.New("it is open")
			}
			socket, err := unix.FcntlInt(f[1].Fd(), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				return state, err
			}
			c := auditorConfig(a)
			c.Socket, c.Progress, c.Rotate = socket, progress, rotate
			c.Errorf = func(format string, args ...any) { log.Warn(fmt.Sprintf(format, args...)) }
			if serving, err = auditor.Open(c); err != nil {
				return state, err
			}
			if state, err = sandbox.Apply(auditorProfile(a)); err != nil {
				return state, err
			}
			go func() { done <- serving.Serve(ctx) }()
			return state, nil
		}),
		verbState: channel.Bind(func(none) (auditor.Status, error) {
			if serving == nil {
				return auditor.Status{}, errors.New("it is not open")
			}
			return serving.Status(), nil
		}),
		verbRotate: channel.Bind(func(none) (sealed string, err error) {
			if serving == nil {
				return "", errors.New("it is not open")
			}
			return rotated(serving, rotate)
		}),
	}
	gone := make(chan error, 1)
	go func() { gone <- channel.Serve(f[0], verbs) }()
	select {
	case err := <-done:
		return err
	case err := <-gone:
		// What has been said is written before another is there to do it, or nobody.
		cancel()
		if serving == nil {
			return err
		}
		return errors.Join(err, <-done)
	}
}

// rotated asks for a new file and returns the path of the one that was closed. It
// answers before whoever asks for it loses patience.
func rotated(a *auditor.Auditor, ask chan<- struct{}) (sealed string, err error) {
	before := a.Status().Closed
	select {
	case ask <- struct{}{}:
	default: // it is about to
	}
	for deadline := time.Now().Add(answerPatience / 2); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if now := a.Status().Closed; now != before {
			return now, nil
		}
	}
	return "", errors.New("the audit file was not changed yet; the log and the records say why")
}

func auditorConfig(a config.Audit) auditor.Config {
	c := auditor.Config{
		Output: a.Output, KeyFile: a.SealKey, SealRecords: a.SealRecords, SealInterval: a.SealInterval, Sync: auditor.Sync(a.Sync),
		RotateSize: a.RotateSize, RotateAge: a.RotateAge, RotateKeep: a.RotateKeep, Kernel: a.Kernel,
		Patience: auditorPatience, LockWait: openPatience - time.Second,
	}
	if a.Format == config.JSON {
		c.Format = audit.JSON
	}
	if a.SealCopy != config.CopyNone {
		c.SealCopy = a.SealCopy.String()
	}
	return c
}

// auditorPatience is how long an auditor tries at the end. What it could not write
// stays in the socket as long as somebody has it.
const auditorPatience = 2 * time.Second

// auditorProfile is what an auditor keeps.
func auditorProfile(a config.Audit) sandbox.Profile {
	return sandbox.Profile{Role: sandbox.Auditor, AuditWrite: a.Kernel, Write: trailDirectories(a)}
}

// mapProgress maps the memory in which auditors tell their successors how far they
// came, where their output cannot be read back.
func mapProgress(f *os.File) (*auditor.Progress, error) {
	b, err := unix.Mmap(int(f.Fd()), 0, int(unsafe.Sizeof(auditor.Progress{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("memory of what was written: %w", err)
	}
	return (*auditor.Progress)(unsafe.Pointer(&b[0])), nil
}

// newProgress makes that memory.
func newProgress() (*os.File, error) {
	fd, err := unix.MemfdCreate("labelgate-progress", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate("labelgate-progress", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, fmt.Errorf("memory of what was written: %w", err)
	}
	f := os.NewFile(uintptr(fd), "progress")
	if err := f.Truncate(int64(unsafe.Sizeof(auditor.Progress{}))); err != nil {
		f.Close()
		return nil, fmt.Errorf("memory of what was written: %w", err)
	}
	return f, nil
}
