package e2e

import "os/exec"

// command is a program that runs outside of every lab.
func command(path string, args ...string) *exec.Cmd { return exec.Command(path, args...) }
