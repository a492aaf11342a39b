package sbom

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"labelgate/packaging/modules"
)

// Own is the licence of what is written here.
const Own = "Apache-2.0"

// Make lists what the binaries of a release consist of.
func Make(version string, binaries []*modules.Binary, cache modules.Cache) (*Document, error) {
	linked, err := modules.Linked(binaries)
	if err != nil {
		return nil, err
	}
	d := &Document{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata: Metadata{
			Tools:     Tools{[]Component{{Type: "application", Name: "labelgate/packaging/sbom", Version: version}}},
			Component: Component{Type: "application", Ref: "labelgate", Name: "labelgate", Version: version, Licenses: licences([]string{Own})},
		},
	}
	root, complete := Dependency{Ref: "labelgate"}, Composition{Aggregate: "complete", Dependencies: []string{"labelgate"}}
	var inside []Dependency
	for _, b := range binaries {
		d.Components = append(d.Components, program(version, b))
		root.DependsOn = append(root.DependsOn, b.Ref())
		complete.Dependencies = append(complete.Dependencies, b.Ref())
		parts := Dependency{Ref: b.Ref()}
		for _, m := range b.Modules {
			parts.DependsOn = append(parts.DependsOn, purl(m))
		}
		inside = append(inside, parts)
	}
	d.Dependencies = append([]Dependency{root}, inside...)
	d.Compositions = []Composition{complete}
	for _, m := range linked {
		l, err := cache.Licence(m)
		if err != nil {
			return nil, err
		}
		c, err := library(m, l)
		if err != nil {
			return nil, err
		}
		d.Components = append(d.Components, c)
	}
	return d, d.number()
}

// program is one of our own binaries.
func program(version string, b *modules.Binary) Component {
	c := Component{
		Type: "application", Ref: b.Ref(), Name: b.Name, Version: version, Scope: "required",
		Hashes: []Hash{{"SHA-256", hex.EncodeToString(b.SHA256[:])}}, Licenses: licences([]string{Own}),
	}
	var keys []string
	for k := range b.Settings {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		c.Properties = append(c.Properties, Property{"labelgate:build:" + k, b.Settings[k]})
	}
	return c
}

// library is a module. The hash of its content is that of go.sum: SHA-256 of a list
// of the SHA-256 of its files.
func library(m modules.Module, l modules.Licence) (Component, error) {
	c := Component{
		Type: "library", Ref: purl(m), Name: m.Path, Version: m.Version, Scope: "required",
		Licenses: licences(l.Names), PURL: purl(m),
	}
	if m.Path == modules.Std {
		return c, nil // of no sum: it comes with the compiler
	}
	sum, ok := strings.CutPrefix(m.Sum, "h1:")
	raw, err := base64.StdEncoding.DecodeString(sum)
	if !ok || err != nil || len(raw) != sha256.Size {
		return Component{}, fmt.Errorf("%s %s: the sum %q is not of the kind h1", m.Path, m.Version, m.Sum)
	}
	c.Hashes = []Hash{{"SHA-256", hex.EncodeToString(raw)}}
	c.Properties = []Property{{"labelgate:go.sum", m.Sum}}
	return c, nil
}

// purl names a module in the language that databases of vulnerabilities speak.
func purl(m modules.Module) string {
	return "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B")
}

func licences(names []string) []Licence {
	if len(names) > 1 {
		return []Licence{{Expression: strings.Join(names, " AND ")}}
	}
	return []Licence{{License: &ID{names[0]}}}
}

// number gives the document a serial number that depends on nothing but what it
// says: the same list has the same number.
func (d *Document) number() error {
	d.Serial = ""
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	h := sha256.Sum256(text)
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // RFC 9562: version 8, made by a rule of its own
	s := hex.EncodeToString(h[:16])
	d.Serial = "urn:uuid:" + s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
	return nil
}

// Text is the document as a file.
func (d *Document) Text() (string, error) {
	text, err := json.MarshalIndent(d, "", "  ")
	return string(text) + "\n", err
}
