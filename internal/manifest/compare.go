package manifest

import "fmt"

// Difference is how one file is not what a manifest says of it.
type Difference struct {
	Path    string
	Message string
}

// Compare holds files, which must be sorted, against those of the manifest.
func (m *Manifest) Compare(files []File) []Difference {
	var all []Difference
	differ := func(path, format string, args ...any) {
		all = append(all, Difference{path, fmt.Sprintf(format, args...)})
	}
	want, got := m.Files, files
	for len(want) > 0 || len(got) > 0 {
		switch {
		case len(got) == 0 || len(want) > 0 && want[0].Path < got[0].Path:
			differ(want[0].Path, "missing: the manifest names it, and it is not read")
			want = want[1:]
		case len(want) == 0 || got[0].Path < want[0].Path:
			differ(got[0].Path, "extra: the manifest does not name it")
			got = got[1:]
		default:
			w, g := want[0], got[0]
			switch {
			case g.Size < w.Size:
				differ(g.Path, "changed since it was sealed: %d of %d bytes", g.Size, w.Size)
			case g.Size > w.Size:
				differ(g.Path, "changed since it was sealed: %d bytes more than its %d", g.Size-w.Size, w.Size)
			case g.Sum != w.Sum:
				differ(g.Path, "changed since it was sealed")
			}
			want, got = want[1:], got[1:]
		}
	}
	return all
}
