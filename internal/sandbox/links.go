package sandbox

import (
	"io/fs"
	"os"
	"path/filepath"
)

// mostTargets bounds how many links are followed; a policy has a handful.
const mostTargets = 256

// targets returns where the symbolic links below directories lead. Landlock asks
// about files, not about the names that lead to them, and a policy whose files are
// linked is the administrator's word for the files elsewhere.
func targets(directories []string) (all []string) {
	for _, directory := range directories {
		// What cannot be listed cannot be read afterwards either, and whoever reads
		// it says so with the name.
		_ = filepath.WalkDir(directory, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil
			case len(all) == mostTargets:
				return fs.SkipAll
			case entry.Type()&fs.ModeSymlink == 0:
				return nil
			}
			if target, err := filepath.EvalSymlinks(name); err == nil {
				all = append(all, target)
			}
			return nil
		})
	}
	return all
}

// Denied lists the paths of the profile that cannot be opened for reading now: after
// Apply or Enter, and with the profile that new settings would give, those that
// need a restart.
func (p *Profile) Denied() (all []string) {
	for _, list := range [][]string{p.Read, p.Write, p.Execute} {
		for _, name := range list {
			f, err := os.Open(name)
			if err != nil {
				all = append(all, name)
				continue
			}
			f.Close()
		}
	}
	return all
}
