package sandbox

import (
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// condition holds if the bits of mask in an argument are those of value. All 64
// bits of an argument are there, also where the kernel looks at 32 of them.
type condition struct {
	argument    int
	mask, value uint64
}

// clause is what is done about a call for which all conditions hold.
type clause struct {
	when []condition
	then uint32 // allow, or fails(errno)
}

// call is a system call in a filter. The first clause of which all conditions hold
// decides; without clauses it is allowed.
type call struct {
	number  uint32
	name    string
	clauses []clause
}

const allow = unix.SECCOMP_RET_ALLOW

// fails is what lets a call fail without being made.
func fails(errno unix.Errno) uint32 { return unix.SECCOMP_RET_ERRNO | uint32(errno) }

// filter is what decides about each system call of a process.
type filter struct {
	arch  uint32 // of AUDIT_ARCH_*, whose numbers these are
	calls []call // each number once
	other uint32 // what is done about a call that no clause allows
}

// The layout of the kernel's struct seccomp_data, little endian.
const (
	offsetNumber    = 0
	offsetArch      = 4
	offsetArguments = 16
	sizeData        = 64
)

// x32 marks numbers of another table in what is the same architecture otherwise.
const x32 = 1 << 30

// assemble returns the filter as a program for the kernel. It goes through the
// calls one after the other: for all that are allowed whatever their arguments
// are, the kernel runs it once and remembers the answer.
func (f *filter) assemble() ([]bpf.RawInstruction, error) {
	program := []bpf.Instruction{
		// A process may make calls of several architectures, whose numbers
		// mean different things.
		bpf.LoadAbsolute{Off: offsetArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: f.arch, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		bpf.LoadAbsolute{Off: offsetNumber, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: x32, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
	}
	for _, c := range f.calls {
		body := f.body(c)
		if len(body) > 255 {
			return nil, fmt.Errorf("sandbox: the filter for %s is longer than a jump", c.name)
		}
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: c.number, SkipFalse: uint8(len(body))})
		program = append(program, body...)
	}
	return bpf.Assemble(append(program, bpf.RetConstant{Val: f.other}))
}

// body decides about one call, whose number is known.
func (f *filter) body(c call) []bpf.Instruction {
	if len(c.clauses) == 0 {
		return []bpf.Instruction{bpf.RetConstant{Val: allow}}
	}
	var body []bpf.Instruction
	for _, clause := range c.clauses {
		body = append(body, clause.instructions()...)
	}
	return append(body, bpf.RetConstant{Val: f.other})
}

// instructions return clause.then, or go on behind themselves.
func (c clause) instructions() []bpf.Instruction {
	var all []bpf.Instruction
	for _, w := range c.when {
		for half := range 2 {
			shift := 32 * half
			mask, value := uint32(w.mask>>shift), uint32(w.value>>shift)
			if mask == 0 {
				continue
			}
			all = append(all, bpf.LoadAbsolute{Off: uint32(offsetArguments + 8*w.argument + 4*half), Size: 4})
			if mask != 1<<32-1 {
				all = append(all, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: mask})
			}
			all = append(all, bpf.JumpIf{Cond: bpf.JumpEqual, Val: value})
		}
	}
	all = append(all, bpf.RetConstant{Val: c.then})
	for i := range all {
		if j, ok := all[i].(bpf.JumpIf); ok {
			j.SkipFalse = uint8(len(all) - 1 - i)
			all[i] = j
		}
	}
	return all
}

// union is what any of the lists allow. Clauses of the first come first.
func union(lists ...[]call) []call {
	var all []call
	at := map[uint32]int{}
	for _, list := range lists {
		for _, c := range list {
			i, known := at[c.number]
			switch {
			case !known:
				at[c.number] = len(all)
				all = append(all, call{c.number, c.name, append([]clause(nil), c.clauses...)})
			case len(c.clauses) == 0:
				all[i].clauses = nil
			case len(all[i].clauses) > 0:
				all[i].clauses = append(all[i].clauses, c.clauses...)
			}
		}
	}
	return all
}
