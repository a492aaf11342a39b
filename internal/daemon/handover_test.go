package daemon

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// open returns a descriptor that is closed on exec.
func open(t *testing.T) int {
	t.Helper()
	fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func closedOnExec(t *testing.T, fd int) bool {
	t.Helper()
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil {
		t.Fatal(err)
	}
	return flags&unix.FD_CLOEXEC != 0
}

// TestHandover: what one program hands over is what the next one has, with its
// descriptors, and nobody after that.
func TestHandover(t *testing.T) {
	h := handover{
		Queue: open(t), Lock: open(t), Raw: open(t), Records: open(t), Trail: open(t), Progress: open(t),
		Listeners: map[string]int{listenControl: open(t), listenMetrics: open(t)},
		Auditor:   7, Judge: 8, Control: 9, Parent: 1, DeathSignal: 15,
		Upgrades: 3, Started: time.Unix(1e9, 0).UTC(), Stamp: 31, Generation: 1 << 31, Numbering: "ab", Full: 1 << 60, Buffer: 2,
	}
	if got := len(h.descriptors()); got != 8 {
		t.Fatalf("%d descriptors, want 8", got)
	}
	environment, err := h.environment()
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range h.descriptors() {
		if closedOnExec(t, fd) {
			t.Errorf("descriptor %d is not handed over", fd)
		}
	}
	name, value, _ := strings.Cut(environment[len(environment)-1], "=")
	if name != handoverVariable {
		t.Fatalf("the environment ends with %q", name)
	}
	t.Setenv(name, value)
	got, ok, err := takeHandover()
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if !reflect.DeepEqual(got, h) {
		t.Errorf("handed over %+v, taken %+v", h, got)
	}
	for _, fd := range h.descriptors() {
		if !closedOnExec(t, fd) {
			t.Errorf("descriptor %d is handed on to others", fd)
		}
	}
	if _, found := os.LookupEnv(handoverVariable); found {
		t.Error("it can be taken a second time")
	}
	if _, ok, err := takeHandover(); ok || err != nil {
		t.Error(ok, err)
	}
}

// TestHandoverWrong: what cannot be handed over, and what nobody handed over.
func TestHandoverWrong(t *testing.T) {
	fd := open(t)
	h := handover{Queue: fd, Lock: 1 << 20}
	if _, err := h.environment(); err == nil || !strings.Contains(err.Error(), "descriptor 1048576") {
		t.Errorf("a descriptor that is none: %v", err)
	}
	h.keep()
	if !closedOnExec(t, fd) {
		t.Error("what was not handed over would be handed to the next child")
	}
	for _, text := range []string{"", "yes", "[]", `{"Queue":"3"}`, `{"Queue":3`} {
		t.Setenv(handoverVariable, text)
		if _, _, err := takeHandover(); err == nil || !strings.Contains(err.Error(), handoverVariable) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestHandoverStamp: marks of the program before are believed only where its numbers
// mean the same.
func TestHandoverStamp(t *testing.T) {
	for _, test := range []struct {
		name      string
		h         handover
		numbering string
		want      uint32
	}{
		{"the same numbers", handover{Stamp: 5, Numbering: "a"}, "a", 5},
		{"others", handover{Stamp: 5, Numbering: "a"}, "b", 6},
		{"others, and the stamp wraps", handover{Stamp: 1<<32 - 1, Numbering: "a"}, "b", 1},
		{"no stamp", handover{Numbering: "a"}, "a", 0},
	} {
		got := test.h.stamp(test.numbering)
		if test.want == 0 {
			if now := uint32(time.Now().Unix()); got == 0 || now-got > 60 {
				t.Errorf("%s: %d, want the time", test.name, got)
			}
		} else if got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

// TestFile: descriptor 0 is no file that was handed over.
func TestFile(t *testing.T) {
	if f := file(0, "none"); f != nil {
		t.Error("a file of nothing")
	}
	if fd := descriptor(nil); fd != 0 {
		t.Error("a descriptor of nothing")
	}
}
