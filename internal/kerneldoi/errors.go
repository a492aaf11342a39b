package kerneldoi

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Why the kernel's list cannot be read or changed. Where it cannot be found out
// which of the first two it is, the error is both.
var (
	ErrElsewhere  = errors.New("this is not the initial network namespace, and the kernel's domains of interpretation are kept there")
	ErrNoNetLabel = errors.New("this kernel has no NetLabel, so it knows no domains of interpretation and asks for none")

	// ErrPermission comes with EPERM.
	ErrPermission = errors.New("the kernel takes domains of interpretation only from who has CAP_NET_ADMIN in the initial user namespace: " +
		"run as root outside of user namespaces and containers, or as a service with that capability")
)

// ErrInUse says that a definition was left in the kernel because it is needed.
var ErrInUse = errors.New("in use")

// absent says why a family of NetLabel is not to be seen.
func absent(from place) error {
	switch from {
	case initial:
		return ErrNoNetLabel
	case elsewhere:
		return ErrElsewhere
	}
	return fmt.Errorf("%w; or %w", ErrElsewhere, ErrNoNetLabel)
}

// explain makes of a refusal of the kernel one that can be asked for and acted on.
func explain(err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w (%w)", ErrPermission, err)
	case errors.Is(err, syscall.EBUSY):
		return fmt.Errorf("%w (%w)", ErrInUse, err)
	}
	return err
}
