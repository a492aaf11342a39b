package sandbox

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// made is a system call as the kernel shows it to a filter.
type made struct {
	arch, number uint32
	arguments    [6]uint64
}

// data is the call as package bpf's machine reads it, which takes packets for big
// endian: each word of the kernel's structure by itself.
func (m *made) data() []byte {
	b := make([]byte, 0, sizeData)
	for _, word := range []uint32{m.number, m.arch, 0, 0} {
		b = binary.BigEndian.AppendUint32(b, word)
	}
	for _, a := range m.arguments {
		b = binary.BigEndian.AppendUint32(b, uint32(a))
		b = binary.BigEndian.AppendUint32(b, uint32(a>>32))
	}
	return b
}

// slow decides as the filter is meant to, from its lists.
func (f *filter) slow(m *made) uint32 {
	if m.arch != f.arch || m.number&x32 != 0 {
		return unix.SECCOMP_RET_KILL_PROCESS
	}
	for _, c := range f.calls {
		if c.number != m.number {
			continue
		}
		if len(c.clauses) == 0 {
			return allow
		}
		for _, clause := range c.clauses {
			holds := true
			for _, w := range clause.when {
				holds = holds && m.arguments[w.argument]&w.mask == w.value
			}
			if holds {
				return clause.then
			}
		}
	}
	return f.other
}

func machine(t *testing.T, f *filter) func(*made) uint32 {
	t.Helper()
	raw, err := f.assemble()
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > 4096 {
		t.Fatalf("%d instructions; the kernel takes 4096", len(raw))
	}
	program, all := bpf.Disassemble(raw)
	if !all {
		t.Fatal("instructions that package bpf does not know")
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	return func(m *made) uint32 {
		n, err := vm.Run(m.data())
		if err != nil {
			t.Fatal(err)
		}
		return uint32(n)
	}
}

// interesting draws a value that some condition on the argument is about, or one
// close to it.
func interesting(r *rand.Rand, c call, argument int) uint64 {
	value := r.Uint64() >> r.IntN(64)
	if len(c.clauses) > 0 && r.IntN(8) > 0 {
		for _, w := range c.clauses[r.IntN(len(c.clauses))].when {
			if w.argument == argument {
				value = w.value | value&^w.mask
			}
		}
		if r.IntN(3) == 0 {
			value ^= 1 << r.IntN(64)
		}
	}
	return value
}

// TestFilter: the program does what the lists say, for every number and for
// arguments around every bound.
func TestFilter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for role := Keeper; role <= Single; role++ {
		f := (&Profile{Role: role, Read: []string{"/policy"}}).filter(4711)
		run := machine(t, f)
		results := map[uint32]int{}
		check := func(m *made) {
			got, want := run(m), f.slow(m)
			results[got]++
			if got != want {
				t.Fatalf("%s: %+v: %#x, want %#x", role, m, got, want)
			}
		}
		for _, a := range []uint32{arch, unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_ARM, unix.AUDIT_ARCH_PPC64LE, 0} {
			for n := range uint32(1024) {
				check(&made{arch: a, number: n})
				check(&made{arch: a, number: n | x32})
				check(&made{arch: a, number: ^n})
			}
		}
		for _, c := range f.calls {
			for range 2000 {
				m := &made{arch: arch, number: c.number}
				for i := range m.arguments {
					m.arguments[i] = interesting(r, c, i)
				}
				check(m)
			}
		}
		if results[allow] == 0 || results[unix.SECCOMP_RET_KILL_PROCESS] == 0 || results[fails(unix.ENOSYS)] == 0 {
			t.Errorf("%s: not every outcome was seen: %v", role, results)
		}
	}
}

// TestKeeperHasAll: what a role may do, it may do below a keeper, whose filter is
// asked as well.
func TestKeeperHasAll(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, above := range []Role{Keeper, Single} {
		keeper := machine(t, (&Profile{Role: above}).filter(1))
		for _, role := range []Role{Judge, Auditor, Control} {
			f := (&Profile{Role: role, Read: []string{"/policy"}}).filter(4711)
			below := machine(t, f)
			for _, c := range f.calls {
				seen := 0
				for range 2000 {
					m := &made{arch: arch, number: c.number}
					for i := range m.arguments {
						m.arguments[i] = interesting(r, c, i)
					}
					if below(m) != allow {
						continue
					}
					seen++
					if got := keeper(m); got != allow {
						t.Fatalf("%s may %s %x, but its keeper's filter says %#x", role, c.name, m.arguments, got)
					}
				}
				if seen == 0 && c.name != "clone3" && c.name != "shutdown" { // which are known to be refused
					t.Errorf("%s: no call of %s was allowed", role, c.name)
				}
			}
		}
	}
}

// TestTables: each number stands once in a list, under one name.
func TestTables(t *testing.T) {
	names := map[uint32]string{}
	for role := Keeper; role <= Single; role++ {
		seen := map[uint32]bool{}
		for _, c := range (&Profile{Role: role}).table(1) {
			if seen[c.number] {
				t.Errorf("%s: %s twice", role, c.name)
			}
			seen[c.number] = true
			if n, known := names[c.number]; known && n != c.name {
				t.Errorf("call %d is %s and %s", c.number, n, c.name)
			}
			names[c.number] = c.name
		}
		for _, never := range []uint32{unix.SYS_PTRACE, unix.SYS_MOUNT, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MPROTECT, unix.SYS_IOCTL} {
			if seen[never] {
				t.Errorf("%s has call %d", role, never)
			}
		}
	}
}

// TestViolations: what is done about a call of no list.
func TestViolations(t *testing.T) {
	for v, want := range map[Violation]uint32{
		Kill: unix.SECCOMP_RET_KILL_PROCESS, Refuse: fails(unix.EPERM), Report: unix.SECCOMP_RET_LOG,
	} {
		run := machine(t, (&Profile{Role: Judge, Violation: v}).filter(1))
		if got := run(&made{arch: arch, number: unix.SYS_PTRACE}); got != want {
			t.Errorf("%s: %#x, want %#x", v, got, want)
		}
		if got := run(&made{arch: 1, number: unix.SYS_READ}); got != unix.SECCOMP_RET_KILL_PROCESS {
			t.Errorf("%s: another architecture: %#x", v, got)
		}
	}
}

func TestLongBody(t *testing.T) {
	f := &filter{arch: arch, calls: []call{{name: "endless", clauses: in(0, make([]uint64, 100)...)}}}
	if _, err := f.assemble(); err == nil {
		t.Error("a jump over 255 instructions was assembled")
	}
}

func TestUnion(t *testing.T) {
	one, two := in(0, 1), in(0, 2)
	got := union(
		[]call{{number: 1, name: "a", clauses: one}, {number: 2, name: "b"}, {number: 3, name: "c", clauses: one}},
		[]call{{number: 1, name: "a", clauses: two}, {number: 2, name: "b", clauses: two}, {number: 3, name: "c"}},
	)
	if len(got) != 3 || len(got[0].clauses) != 2 || got[1].clauses != nil || got[2].clauses != nil {
		t.Errorf("%+v", got)
	}
	if len(one) != 1 {
		t.Error("an argument was changed")
	}
}
