package docs

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"labelgate/internal/cli"
)

// TestReadmeExamples runs every "$ labelgate" line of the README at the top of the
// module and compares what it prints with what stands below it.
func TestReadmeExamples(t *testing.T) {
	t.Chdir("../..")
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?ms)^\\$ labelgate ([^\n]*)\n(.*?)^```").FindAllSubmatch(page, -1)
	if len(examples) == 0 {
		t.Fatal("no examples")
	}
	for _, e := range examples {
		t.Run(string(e[1]), func(t *testing.T) {
			var out, errs bytes.Buffer
			cli.Run(context.Background(), strings.Fields(string(e[1])), cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
			if *update {
				page = bytes.Replace(page, e[2], out.Bytes(), 1)
				return
			}
			if out.String() != string(e[2]) || errs.Len() > 0 {
				t.Errorf("prints\n%s%s, go test ./test/docs -update writes it anew", out.String(), errs.String())
			}
		})
	}
	if *update {
		if err := os.WriteFile("README.md", page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadmeNamesVerbs: the README's table has every verb.
func TestReadmeNamesVerbs(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var help bytes.Buffer
	cli.Run(context.Background(), []string{"--help"}, cli.Streams{In: strings.NewReader(""), Out: &help, Err: &help})
	_, list, _ := strings.Cut(help.String(), "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	verbs := 0
	for line := range strings.Lines(list) {
		verb := strings.Fields(line)[0]
		if verb == "help" || verb == "completion" {
			continue
		}
		verbs++
		if !bytes.Contains(page, []byte("| `labelgate "+verb)) {
			t.Errorf("verb %q is not in the table", verb)
		}
	}
	if verbs < 6 {
		t.Errorf("only %d verbs in\n%s", verbs, help.String())
	}
}
