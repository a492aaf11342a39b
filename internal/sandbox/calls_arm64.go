package sandbox

import "golang.org/x/sys/unix"

const arch = unix.AUDIT_ARCH_AARCH64

// archStart is what a keeper and the runtime, when it starts, call on this
// architecture alone.
var archStart []call

// archWait is how Poll of package unix waits.
var archWait = []call{{number: unix.SYS_PPOLL, name: "ppoll"}}
