package modules

import (
	"fmt"
	"slices"
	"strings"
)

// Notices writes a page with the licences of everything that is linked into the
// binaries. It is the same for the same versions of modules, whatever Go built it.
func (c Cache) Notices(binaries []*Binary) (string, error) {
	linked, err := Linked(binaries)
	if err != nil {
		return "", err
	}
	var table, texts strings.Builder
	for _, m := range linked {
		l, err := c.Licence(m)
		if err != nil {
			return "", err
		}
		version := m.Version
		if m.Path == Std {
			version = "that of Go, which built it"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", m.Path, version, strings.Join(l.Names, ", "), strings.Join(programs(binaries, m), ", "))
		for _, f := range l.Files {
			fmt.Fprintf(&texts, "\n## %s: %s\n\n```\n%s\n```\n", m.Path, f.Name, strings.TrimSpace(plain(f.Text)))
		}
	}
	return "# Software of others in labelgate\n\nlabelgate itself is under Apache-2.0. Its programs contain these modules, and the standard library\n" +
		"and runtime of Go (`std`). `make licenses` writes this page from the programs.\n\n" +
		"| module | version | licences | program |\n|---|---|---|---|\n" + table.String() + texts.String(), nil
}

// programs lists the names of the binaries that contain the module.
func programs(binaries []*Binary, m Module) []string {
	var names []string
	for _, b := range binaries {
		if slices.Contains(b.Modules, m) {
			names = append(names, b.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// plain keeps a text from ending the block that it is quoted in, and its lines from
// ending in what an editor would take away.
func plain(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "```", "'''"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r\f")
	}
	return strings.Join(lines, "\n")
}
