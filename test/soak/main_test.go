package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"labelgate/test/figures"
)

func write(t *testing.T, root, command string, all ...figures.Figure) {
	t.Helper()
	w, err := figures.Create(root, command)
	if err != nil {
		t.Fatal(err)
	}
	w.Add(all...)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRun(t *testing.T) {
	root := t.TempDir()
	var out strings.Builder
	if err := run(root, &out); err == nil {
		t.Error("a table of nothing")
	}
	write(t, root, "other", figures.Figure{ID: "other/x", Value: 1})
	write(t, root, "soak-a",
		figures.Figure{ID: "a/seed", Value: 4294967295, Unit: "seed"},
		figures.Figure{ID: "a/many", Value: 12345678, Unit: "packets"}.AtLeast(5))
	write(t, root, "soak-b", figures.Figure{ID: "b/bad", Value: 2, Unit: "packets"}.AtMost(1), figures.Figure{ID: "b/part", Value: 1234.5, Unit: "ns"})
	if err := run(root, &out); err == nil || !strings.Contains(err.Error(), "1 figures") {
		t.Errorf("a figure was missed: %v", err)
	}
	for _, want := range []string{"a/seed  4294967295 seed\n", "a/many  12,345,678 packets  >= 5  ok\n", "b/bad            2 packets  <= 1  MISSED\n", "b/part     1,234.5 ns\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	data, err := os.ReadFile(filepath.Join(root, "out", "figures", "soak.jsonl"))
	if err != nil || strings.Count(string(data), "\n") != 4 || strings.Contains(string(data), "other") {
		t.Errorf("%v: %s", err, data)
	}
	if left, _ := filepath.Glob(filepath.Join(root, "out", "figures", "soak-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestShort(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a", figures.Figure{ID: "a/good", Value: 3, Unit: "packets"}.AtLeast(1))
	write(t, root, "b", figures.Figure{ID: "b/bad", Value: 3, Unit: "packets"}.AtMost(1))
	var out strings.Builder
	if err := short(root, []string{"a"}, &out); err != nil || !strings.Contains(out.String(), "a/good  3 packets  >= 1  ok\n") {
		t.Errorf("%v:\n%s", err, out.String())
	}
	if err := short(root, []string{"a", "b"}, &out); err == nil || !strings.Contains(err.Error(), "1 figures") {
		t.Errorf("a figure was missed: %v", err)
	}
	if err := short(root, []string{"c"}, &out); err == nil {
		t.Error("a table of nothing")
	}
}
