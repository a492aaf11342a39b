package sandbox

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const nobody = 65534

// belongings makes a directory of nobody's that holds this program, and what stands
// for the service manager.
func belongings(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "labelgate-unit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	listenDatagrams(t, dir+"/notify")
	err = errors.Join(os.Chmod(dir, 0o755), os.Chown(dir, nobody, nobody), os.WriteFile(dir+"/program", program, 0o755), os.Chmod(dir+"/notify", 0o666))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// family is what a keeper and one that it starts do.
func family(t *testing.T, p *Profile, dir string) map[string]task {
	child := task{Apply: &Profile{Role: Judge, Must: p.Must}, Do: "nothing"}
	return map[string]task{
		"keeper": {Enter: p, Do: "keeper", Args: []string{dir}},
		"judge":  {Enter: p, Do: "start", Args: []string{encoded(t, child)}},
	}
}

// TestBecome: started by root, the family is somebody else's, and does its work.
func TestBecome(t *testing.T) {
	needRoot(t)
	dir := belongings(t)
	p := &Profile{Role: Keeper, Must: true, Execute: []string{dir}, Write: []string{dir}, Become: &Identity{nobody, nobody}}
	for name, k := range family(t, p, dir) {
		t.Run(name, func(t *testing.T) {
			cmd := k.command(t)
			cmd.Path = dir + "/program"
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
			if got := finish(t, cmd).state(t); !strings.Contains(got, "uid=65534 gid=65534 ") {
				t.Error(got)
			}
		})
	}
}

// TestUnit: a unit starts the keeper as another user, with a capability too many, and
// denies all of its processes to change such things.
func TestUnit(t *testing.T) {
	needRoot(t)
	dir := belongings(t)
	p := &Profile{Role: Keeper, Must: true, Execute: []string{dir}, Write: []string{dir}}
	for name, k := range family(t, p, dir) {
		t.Run(name, func(t *testing.T) {
			cage := task{Do: "cage", Args: []string{encoded(t, k), "EPERM"}}
			cmd := cage.command(t)
			cmd.Path = dir + "/program"
			cmd.SysProcAttr = &syscall.SysProcAttr{
				Cloneflags: syscall.CLONE_NEWNET, Credential: &syscall.Credential{Uid: nobody, Gid: nobody},
				AmbientCaps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW},
			}
			got := finish(t, cmd).state(t)
			want := map[string]string{"keeper": "capabilities=net_admin ", "judge": "capabilities=none "}[name]
			if !strings.Contains(got, want) || strings.Contains(got, "missing") {
				t.Error(got)
			}
		})
	}
}

// TestStuckCapability: what cannot be given up is said, by a keeper that would
// otherwise work with it.
func TestStuckCapability(t *testing.T) {
	needRoot(t)
	dir := belongings(t)
	keeper := task{Enter: &Profile{Role: Keeper, Execute: []string{dir}, Write: []string{dir}}, Do: "nothing"}
	cmd := task{Do: "cage", Args: []string{encoded(t, keeper), "EPERM"}}.command(t)
	cmd.Path = dir + "/program"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: nobody, Gid: nobody},
		AmbientCaps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_AUDIT_WRITE},
	}
	if o := finish(t, cmd); o.code != 1 || !strings.Contains(o.stderr, "audit_write is still there") {
		t.Errorf("exit code %d, %s", o.code, o.stderr)
	}
}

// TestNoFilters: on a kernel without filters of system calls the rest holds, the
// state says what does not, and who must have all of it gets an error.
func TestNoFilters(t *testing.T) {
	needRoot(t)
	dir := belongings(t)
	p := &Profile{Role: Keeper, Execute: []string{dir}, Write: []string{dir}}
	for name, k := range family(t, p, dir) {
		t.Run(name, func(t *testing.T) {
			cmd := task{Do: "cage", Args: []string{encoded(t, k), "ENOSYS"}}.command(t)
			if got := finish(t, cmd).state(t); !strings.Contains(got, "seccomp is not in this kernel") || !strings.Contains(got, "landlock=7") {
				t.Error(got)
			}
		})
	}
	must := task{Enter: &Profile{Role: Keeper, Must: true}, Do: "nothing"}
	o := finish(t, task{Do: "cage", Args: []string{encoded(t, must), "ENOSYS"}}.command(t))
	if o.code != 1 || !strings.Contains(o.stderr, "seccomp is not in this kernel") {
		t.Errorf("exit code %d, %s", o.code, o.stderr)
	}
}

// cage executes a task inside of a filter as a unit has it, for EPERM, or as if the
// kernel had no filters, for ENOSYS.
func cage(t task) error {
	denied, errno := []uint32{unix.SYS_CAPSET, unix.SYS_SETRESUID, unix.SYS_SETRESGID, unix.SYS_SETGROUPS}, unix.EPERM
	if t.Args[1] == "ENOSYS" {
		denied, errno = []uint32{unix.SYS_SECCOMP}, unix.ENOSYS
	}
	program := []bpf.Instruction{bpf.LoadAbsolute{Off: offsetNumber, Size: 4}}
	for _, n := range denied {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: n, SkipFalse: 1}, bpf.RetConstant{Val: fails(errno)})
	}
	raw, err := bpf.Assemble(append(program, bpf.RetConstant{Val: allow}))
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := this.prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		return err
	}
	prog := &unix.SockFprog{Len: uint16(len(raw)), Filter: (*unix.SockFilter)(unsafe.Pointer(&raw[0]))}
	if err := try(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(prog))); err != nil {
		return err
	}
	runtime.KeepAlive(raw)
	path, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(path, os.Args, []string{inmate + "=" + t.Args[0]})
}
