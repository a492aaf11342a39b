package auditor

import "encoding/binary"

// nativeUint64 reads what the kernel wrote in its own byte order.
func nativeUint64(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }
