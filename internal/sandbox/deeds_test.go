package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
)

// deeds are what processes of the tests do. The first function runs before the
// process is confined, the one that it returns afterwards.
var deeds = map[string]func(task) (func() error, error){
	"nothing": after(func(task) error { return nil }),
	"state": after(func(t task) error {
		s, err := Current()
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(s)
	}),
	"start": after(start),
}

// after is for deeds that need nothing before.
func after(f func(task) error) func(task) (func() error, error) {
	return func(t task) (func() error, error) { return func() error { return f(t) }, nil }
}

// start runs another task, given in JSON, as a child, and fails as it does.
func start(t task) error {
	p, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env: []string{inmate + "=" + t.Args[0]}, Files: []*os.File{nil, os.Stdout, os.Stderr},
	})
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
