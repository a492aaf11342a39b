// Package sbom writes the list of what a release consists of, as CycloneDX 1.6 in
// JSON. Of the two formats that tools read it is the one that needs no time of
// making and no address of its own, so that the same binaries have the same list,
// and that has a place for the hash and the licence of each part.
package sbom

// Document is a CycloneDX document, as much of it as is used here. Names and order
// are the format's.
type Document struct {
	Schema       string        `json:"$schema"`
	Format       string        `json:"bomFormat"`
	Spec         string        `json:"specVersion"`
	Serial       string        `json:"serialNumber,omitempty"`
	Version      int           `json:"version"`
	Metadata     Metadata      `json:"metadata"`
	Components   []Component   `json:"components"`
	Dependencies []Dependency  `json:"dependencies"`
	Compositions []Composition `json:"compositions"`
}

// Metadata says what the document is about and who wrote it.
type Metadata struct {
	Tools     Tools     `json:"tools"`
	Component Component `json:"component"`
}

// Tools are who wrote the document.
type Tools struct {
	Components []Component `json:"components"`
}

// Component is a program or a module.
type Component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref,omitempty"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	Scope      string     `json:"scope,omitempty"`
	Hashes     []Hash     `json:"hashes,omitempty"`
	Licenses   []Licence  `json:"licenses,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Properties []Property `json:"properties,omitempty"`
}

// Hash is one of a component's bytes.
type Hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"` // hexadecimal
}

// Licence is one licence, or an expression of several. There is one Licence of the
// second kind, or any number of the first.
type Licence struct {
	License    *ID    `json:"license,omitempty"`
	Expression string `json:"expression,omitempty"`
}

// ID is an SPDX identifier.
type ID struct {
	ID string `json:"id"`
}

// Property is what the format has no field for.
type Property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Dependency says what is inside of what.
type Dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

// Composition says how much is known: with "complete", that there is no more.
type Composition struct {
	Aggregate    string   `json:"aggregate"`
	Dependencies []string `json:"dependencies"`
}
