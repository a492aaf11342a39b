package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// executable returns the directory of this program.
func executable(tb testing.TB) string {
	tb.Helper()
	path, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return filepath.Dir(path)
}

func encoded(tb testing.TB, t task) string {
	tb.Helper()
	b, err := json.Marshal(t)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// state returns the state that the last of the lines on stderr tells.
func (o outcome) state(tb testing.TB) string {
	tb.Helper()
	o.ok(tb)
	all := lines(o.stderr)
	return all[len(all)-1]
}

func TestEnter(t *testing.T) {
	needRoot(t)
	o := task{Enter: &Profile{Role: Keeper, Must: true, Execute: []string{executable(t)}}, Do: "nothing"}.inmate(t)
	want := fmt.Sprintf("role=keeper uid=0 gid=0 capabilities=net_admin no_new_privileges=true landlock=%d seccomp=true filters=1 calls=%d", newestABI, (&Profile{Role: Keeper}).calls())
	if got := o.state(t); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestApplyBelowKeeper: a keeper has what the others need to confine themselves.
func TestApplyBelowKeeper(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	keeper := &Profile{Role: Keeper, Must: true, Read: []string{dir}, Write: []string{dir}, Execute: []string{executable(t)}}
	for _, p := range []Profile{
		{Role: Judge, Must: true, Read: []string{dir}}, {Role: Auditor, Must: true, Write: []string{dir}}, {Role: Control, Must: true},
	} {
		t.Run(p.Role.String(), func(t *testing.T) {
			child := task{Apply: &p, Do: "nothing"}
			o := task{Enter: keeper, Do: "start", Args: []string{encoded(t, child)}}.inmate(t)
			want := fmt.Sprintf("role=%s uid=0 gid=0 capabilities=none no_new_privileges=true landlock=%d seccomp=true filters=2 calls=%d", p.Role, newestABI, p.calls())
			if got := o.state(t); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// TestAuditWrite: the one capability more that a deployment may want goes from the
// keeper to the auditor and to nobody else.
func TestAuditWrite(t *testing.T) {
	needRoot(t)
	keeper := &Profile{Role: Keeper, Must: true, AuditWrite: true, Execute: []string{executable(t)}}
	for _, tt := range []struct {
		name    string
		profile Profile
		want    string
	}{
		{"auditor", Profile{Role: Auditor, Must: true, AuditWrite: true}, "capabilities=audit_write"},
		{"judge", Profile{Role: Judge, Must: true}, "capabilities=none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			child := encoded(t, task{Apply: &tt.profile, Do: "nothing"})
			o := task{Enter: keeper, Do: "start", Args: []string{child, tt.name}}.inmate(t)
			if got := o.state(t); !strings.Contains(got, tt.want) {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// TestUpgrade: more upgrades than there are layers of Landlock, and all that a
// keeper does still works, within what the first program entered.
func TestUpgrade(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	p := &Profile{Role: Keeper, Must: true, Execute: []string{executable(t)}, Write: []string{dir}}
	listenDatagrams(t, dir+"/notify")
	cmd := task{Enter: p, Do: "upgrade", Args: []string{"20", dir}}.command(t)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	o := finish(t, cmd)
	if got := o.state(t); !strings.Contains(got, "filters=1 ") || strings.Contains(got, "missing") {
		t.Error(got)
	}
	if n := len(lines(o.stderr)); n != 21 {
		t.Errorf("%d programs entered, want 21", n)
	}
}

// upgradeDeed executes the program again, as often as its first argument says.
func upgradeDeed(t task) error {
	n, err := strconv.Atoi(t.Args[0])
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	if n == 0 {
		return keeperDeed(task{Args: t.Args[1:]})
	}
	if err := Exec("/bin/true", os.Args, nil); !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("another program: %w", err)
	}
	if err := onlyNetAdmin(); err != nil {
		return err
	}
	t.Args[0] = strconv.Itoa(n - 1)
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return Exec(program, os.Args, []string{inmate + "=" + string(text)})
}

// TestOutdated: after an upgrade the state says what of the new program's profile
// the kernel does not have.
func TestOutdated(t *testing.T) {
	needRoot(t)
	other := t.TempDir()
	old := &Profile{Role: Keeper, Must: true, Execute: []string{executable(t)}}
	now := &Profile{Role: Single, Must: true, Execute: []string{executable(t)}, Read: []string{other}, Violation: Report}
	next := encoded(t, task{Enter: now, Do: "nothing"})
	got := task{Enter: old, Do: "execute", Args: []string{next}}.inmate(t).state(t)
	for _, want := range []string{"role=keeper ", other + " cannot be read", "from before an upgrade"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s: nothing about %q", got, want)
		}
	}
}

func executeDeed(t task) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return Exec(program, os.Args, []string{inmate + "=" + t.Args[0]})
}
