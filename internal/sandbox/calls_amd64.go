package sandbox

import "golang.org/x/sys/unix"

const arch = unix.AUDIT_ARCH_X86_64

// archStart is what a keeper and the runtime, when it starts, call on this
// architecture alone.
var archStart = []call{
	{number: unix.SYS_ARCH_PRCTL, name: "arch_prctl"},
	{number: unix.SYS_LCHOWN, name: "lchown"},
}

// archWait is how Poll of package unix waits.
var archWait = []call{{number: unix.SYS_POLL, name: "poll"}}
