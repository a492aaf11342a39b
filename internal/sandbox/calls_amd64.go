package sandbox

import "golang.org/x/sys/unix"

const arch = unix.AUDIT_ARCH_X86_64

// archStart is what the runtime calls on this architecture alone, when it starts.
var archStart = []call{{number: unix.SYS_ARCH_PRCTL, name: "arch_prctl"}}

// archWait is how Poll of package unix waits.
var archWait = []call{{number: unix.SYS_POLL, name: "poll"}}
