package nft_test

import (
	"bytes"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// inUserNamespace is set for the copy of this test binary that runs as nobody.
const inUserNamespace = "LABELGATE_TEST_IN_USER_NAMESPACE"

// The whole path works for an unprivileged user who has a user namespace.
func TestWithoutPrivileges(t *testing.T) {
	if os.Getenv(inUserNamespace) != "" {
		t.Skip("needs to be outside: this is the copy inside the user namespace")
	}
	nobody := os.Getuid()
	if nobody == 0 {
		nobody = 65534
	}
	// The link to the running program is followed without the rights to its
	// directory, which nobody does not have.
	cmd := exec.Command("/proc/self/exe", "-test.count=1", "-test.v",
		"-test.run=^(TestNothingPassesWithoutListener|TestForwardedPacketNeedsMark|TestRewriteBothWays|TestCheckNamesDrift|TestOtherEthertypesAreDropped|TestTranslates)$")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), inUserNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: nobody, Size: 1}},
		Credential:  &syscall.Credential{NoSetGroups: true},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: nobody, Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		if _, ran := err.(*exec.ExitError); !ran {
			t.Skipf("needs user namespaces: %v", err)
		}
		t.Errorf("%v\n%s", err, out)
	}
	if err == nil && !bytes.Contains(out, []byte("--- PASS: TestRewriteBothWays")) {
		t.Skipf("needs network namespaces inside user namespaces:\n%s", out)
	}
}
