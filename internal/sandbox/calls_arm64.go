package sandbox

import "golang.org/x/sys/unix"

const arch = unix.AUDIT_ARCH_AARCH64

// archStart is what the runtime calls on this architecture alone, when it starts.
var archStart []call

// archWait is how Poll of package unix waits.
var archWait = []call{{number: unix.SYS_PPOLL, name: "ppoll"}}
