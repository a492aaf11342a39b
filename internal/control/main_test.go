package control

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"labelgate/test/long"
)

// roleVariable makes a test program something else: one of roles.
const roleVariable = "LABELGATE_CONTROL_TEST"

var roles = map[string]func() error{"server": serveAlone, "abuse": abuse}

func TestMain(m *testing.M) {
	if role, ok := roles[os.Getenv(roleVariable)]; ok {
		if err := role(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(long.Main(m, "../..", "control"))
}

// program copies this test's own program to where every user may run it.
func program(t *testing.T) string {
	t.Helper()
	from, err := os.Open("/proc/self/exe")
	must(t, err)
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(reachable(t), "program"), os.O_WRONLY|os.O_CREATE, 0o755)
	must(t, err)
	_, err = io.Copy(to, from)
	must(t, err)
	must(t, to.Close())
	return to.Name()
}

// child is a process of another user. What it says on standard output in the end
// is one JSON object.
type child struct {
	*exec.Cmd
	in  io.WriteCloser // whose end makes a server stop
	out io.Reader
}

// launch starts a child in a role, which reads orders as JSON.
func launch(t *testing.T, program, role string, uid uint32, groups []uint32, orders any, files ...*os.File) *child {
	t.Helper()
	c := &child{Cmd: exec.Command(program)}
	c.Env = []string{roleVariable + "=" + role}
	c.ExtraFiles = files
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: groups[0], Groups: groups}}
	var err error
	c.in, err = c.StdinPipe()
	must(t, err)
	c.out, err = c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	t.Cleanup(func() { c.Process.Kill() })
	must(t, json.NewEncoder(c.in).Encode(orders))
	return c
}

// end waits for a child and reads what it says.
func (c *child) end(t *testing.T, said any) {
	t.Helper()
	if err := json.NewDecoder(c.out).Decode(said); err != nil {
		t.Errorf("process of user %d: %v", c.SysProcAttr.Credential.Uid, err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("process of user %d: %v", c.SysProcAttr.Credential.Uid, err)
	}
}
