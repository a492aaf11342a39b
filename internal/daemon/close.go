package daemon

import "io"

func closeGateway(config string, stdout, stderr io.Writer) int { return 1 }
