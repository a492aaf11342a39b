package gate

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
)

// Disk is a small file system that only those see who are started in its mount
// namespace.
type Disk struct {
	Directory string // where it is mounted there
	holder    int    // process that keeps the namespace
}

// NewDisk makes a file system of a size such as "64k" at a directory, which is made.
// It goes with the test.
func NewDisk(t testing.TB, directory, size string) *Disk {
	t.Helper()
	if err := os.MkdirAll(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	const script = `mount -t tmpfs -o size="$0" tmpfs "$1" && echo mounted && exec sleep 1000000`
	cmd := exec.Command("/bin/sh", "-c", script, size, directory)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		// It ends with the thread that starts it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "mounted\n" {
		t.Fatalf("mount: %q, %v", line, err)
	}
	return &Disk{Directory: directory, holder: cmd.Process.Pid}
}

// Path returns the path of a file of the disk for those who do not see it.
func (d *Disk) Path(name string) string {
	return filepath.Join("/proc", strconv.Itoa(d.holder), "root", d.Directory, name)
}

// Fill leaves no room on it.
func (d *Disk) Fill(t testing.TB) {
	t.Helper()
	f, err := os.Create(d.Path("filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for page := make([]byte, 4096); err == nil; {
		_, err = f.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// Resize gives it another size.
func (d *Disk) Resize(t testing.TB, size string) {
	t.Helper()
	if out, err := exec.Command("nsenter", d.enter("mount", "-o", "remount,size="+size, d.Directory)...).CombinedOutput(); err != nil {
		t.Fatalf("remount: %v\n%s", err, out)
	}
}

// enter returns the arguments of nsenter to run a command there.
func (d *Disk) enter(command ...string) []string {
	return append([]string{fmt.Sprintf("--mount=/proc/%d/ns/mnt", d.holder), "--"}, command...)
}
