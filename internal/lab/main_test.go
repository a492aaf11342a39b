package lab_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"labelgate/internal/lab"
)

// verb is set in the environment of a test binary that is to be the command line
// program: what ends with its process cannot be tested from within.
const verb = "LAB_TEST_VERB"

var update = flag.Bool("update", false, "rewrite golden files and the shipped capture")

// built is labelgated, built when the first test asks for it.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "labelgated-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "labelgated")
	out, err := exec.Command("go", "build", "-o", path, "labelgate/cmd/labelgated").CombinedOutput()
	if err != nil {
		return path, fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	if v := os.Getenv(verb); v != "" {
		os.Exit(program(v, os.Args[1:]))
	}
	code := m.Run()
	if path, _ := built(); path != "" {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func program(verb string, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	o := lab.Options{Log: os.Stdout, Labelgated: os.Getenv("LAB_TEST_LABELGATED"), Name: os.Getenv("LAB_TEST_NAME")}
	var err error
	switch verb {
	case "demo":
		err = lab.Demo(ctx, lab.DemoOptions{Options: o, Capture: args[0]}, os.Stdout)
	case "up":
		err = lab.Up(ctx, "", o)
	case "down":
		err = lab.Down(ctx, args[0])
	case "run":
		err = lab.Run(ctx, args[0], args[1], args[2:])
	case "hold":
		var t *lab.Topology
		if t, err = lab.Read(args[0]); err == nil {
			if _, err = lab.Start(ctx, t, o); err == nil {
				fmt.Println("holding")
				select {}
			}
		}
	}
	var unavailable *lab.UnavailableError
	var exit *lab.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.Code
	case errors.As(err, &unavailable):
		fmt.Fprintln(os.Stderr, "unavailable:", err)
		return 3
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// daemon returns the path of labelgated.
func daemon(t *testing.T) string {
	t.Helper()
	needLab(t)
	path, err := built()
	if err != nil {
		t.Fatalf("build labelgated: %v", err)
	}
	return path
}

// command is this test binary as the command line program.
func command(t *testing.T, name, verbName string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, args...)
	c.Env = append(os.Environ(), verb+"="+verbName, "LAB_TEST_LABELGATED="+daemon(t), "LAB_TEST_NAME="+name)
	return c
}
