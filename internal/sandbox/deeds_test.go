package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// deeds are what processes of the tests do. The first function runs before the
// process is confined, the one that it returns afterwards.
var deeds = map[string]func(task) (func() error, error){
	"nothing": after(func(task) error { return nil }),
	"start":   after(start),
	"escape":  attempt,
	"live":    live,
	"crash":   crash,

	"judge":   judgeDeed,
	"auditor": auditorDeed,
	"control": controlDeed,
	"keeper":  after(keeperDeed),
	"sleep":   after(sleep),
	"upgrade": after(upgradeDeed),
	"execute": after(executeDeed),
	"signals": after(signalsDeed),
	"shoot":   shoot,
	"cage":    after(cage),
}

// after is for deeds that need nothing before.
func after(f func(task) error) func(task) (func() error, error) {
	return func(t task) (func() error, error) { return func() error { return f(t) }, nil }
}

// start runs another task, given in JSON, as a child, and fails as it does.
func start(t task) error {
	var child task
	if err := json.Unmarshal([]byte(t.Args[0]), &child); err != nil {
		return err
	}
	var attributes syscall.SysProcAttr
	if child.Apply != nil && child.Apply.AuditWrite {
		attributes.AmbientCaps = []uintptr{unix.CAP_AUDIT_WRITE}
	}
	p, err := startChild(child, &attributes)
	if err != nil {
		return err
	}
	state, err := p.Wait()
	if err != nil {
		return err
	}
	if !state.Success() {
		return fmt.Errorf("child: %s", state)
	}
	return nil
}

func startChild(t task, attributes *syscall.SysProcAttr, extra ...*os.File) (*os.Process, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return os.StartProcess(program, os.Args, &os.ProcAttr{
		Env:   []string{inmate + "=" + string(text)},
		Files: append([]*os.File{nil, os.Stdout, os.Stderr}, extra...), Sys: attributes,
	})
}
