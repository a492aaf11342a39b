// Command release writes what goes with the binaries of a release:
//
//	release licenses BINARY...          the licences of everything inside, as packaging/THIRD_PARTY.md
//	release sbom VERSION BINARY...      the list of everything inside, as CycloneDX
//	release catalog                     what journalctl -x says, as packaging/journal/labelgate.catalog
//
// It finds the sources of modules through the environment: GOMODCACHE, and GOROOT
// for Go's own.
package main

import (
	"errors"
	"fmt"
	"os"

	"labelgate/packaging/catalog"
	"labelgate/packaging/modules"
	"labelgate/packaging/sbom"
)

func main() {
	text, err := run(os.Args[1:])
	if err == nil {
		_, err = os.Stdout.WriteString(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string) (string, error) {
	if len(args) == 1 && args[0] == "catalog" {
		return catalog.Text()
	}
	cache := modules.Cache{Modules: os.Getenv("GOMODCACHE"), Go: os.Getenv("GOROOT")}
	if cache.Modules == "" || cache.Go == "" {
		return "", errors.New("GOMODCACHE and GOROOT are not set; take them from go env")
	}
	switch {
	case len(args) >= 2 && args[0] == "licenses":
		binaries, err := modules.ReadAll(args[1:])
		if err != nil {
			return "", err
		}
		return cache.Notices(binaries)
	case len(args) >= 3 && args[0] == "sbom":
		binaries, err := modules.ReadAll(args[2:])
		if err != nil {
			return "", err
		}
		d, err := sbom.Make(args[1], binaries, cache)
		if err != nil {
			return "", err
		}
		return d.Text()
	}
	return "", errors.New("release licenses BINARY..., release sbom VERSION BINARY..., or release catalog")
}
