package supply

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"labelgate/packaging/sbom"
	"labelgate/test/figures"
)

func readSBOM(t *testing.T) *sbom.Document {
	t.Helper()
	text := load(t, filepath.Join(release.built(t), "labelgate.cdx.json"))
	d := new(sbom.Document)
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(d); err != nil {
		t.Fatal(err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		t.Error("there is more behind the document")
	}
	return d
}

// TestSBOMParts: the list has exactly what the binaries say is inside of them.
func TestSBOMParts(t *testing.T) {
	d := readSBOM(t)
	listed, within := map[string]sbom.Component{}, map[string][]string{}
	for _, c := range d.Components {
		if _, twice := listed[c.Ref]; twice {
			t.Errorf("%s is listed twice", c.Ref)
		}
		listed[c.Ref] = c
	}
	for _, dep := range d.Dependencies {
		within[dep.Ref] = dep.DependsOn
	}
	wrong := 0
	complain := func(format string, args ...any) {
		t.Helper()
		wrong++
		t.Errorf(format, args...)
	}
	found, programs := map[string]bool{}, []string{}
	for _, p := range release.programs(t) {
		ref := p.name + "-linux-" + p.arch
		programs = append(programs, ref)
		found[ref] = true
		if c := listed[ref]; len(c.Hashes) != 1 || c.Hashes[0] != (sbom.Hash{Algorithm: "SHA-256", Content: hashOf(t, p.file)}) {
			complain("%s is listed with the hash %v", ref, c.Hashes)
		}
		std := "pkg:golang/std@" + strings.TrimPrefix(p.info.GoVersion, "go")
		found[std] = true
		inside := []string{std}
		for _, m := range p.info.Deps {
			purl := "pkg:golang/" + m.Path + "@" + m.Version
			inside = append(inside, purl)
			found[purl] = true
			raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:"))
			if err != nil {
				t.Fatal(err)
			}
			if c := listed[purl]; c.Name != m.Path || c.Version != m.Version || len(c.Hashes) != 1 || c.Hashes[0].Content != hex.EncodeToString(raw) {
				complain("%s is listed as %+v", purl, c)
			}
		}
		slices.Sort(inside)
		if got := slices.Sorted(slices.Values(within[ref])); !slices.Equal(got, inside) {
			complain("%s contains %v, and the list says %v", ref, inside, got)
		}
	}
	for ref := range listed {
		if !found[ref] {
			complain("%s is listed and is in no binary", ref)
		}
	}
	if slices.Sort(programs); !slices.Equal(within["labelgate"], programs) {
		complain("labelgate consists of %v", within["labelgate"])
	}
	report(t, figures.Figure{ID: "sbom/wrong", Value: float64(wrong), Unit: "parts"}.AtMost(0),
		figures.Figure{ID: "sbom/modules", Value: float64(len(listed) - len(programs)), Unit: "modules"})
}

// TestSBOMShape: what the format demands of the parts that are used here.
func TestSBOMShape(t *testing.T) {
	d := readSBOM(t)
	if d.Format != "CycloneDX" || d.Spec != "1.6" || d.Version != 1 {
		t.Errorf("is %s %s, version %d", d.Format, d.Spec, d.Version)
	}
	if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(d.Serial) {
		t.Errorf("has the number %s", d.Serial)
	}
	refs := map[string]bool{d.Metadata.Component.Ref: true}
	for _, c := range d.Components {
		refs[c.Ref] = true
		if !slices.Contains([]string{"application", "library"}, c.Type) || c.Name == "" || c.Version == "" {
			t.Errorf("%s: type %q, name %q, version %q", c.Ref, c.Type, c.Name, c.Version)
		}
		if c.Type == "library" && c.PURL != c.Ref {
			t.Errorf("%s has the purl %s", c.Ref, c.PURL)
		}
		for _, h := range c.Hashes {
			if h.Algorithm != "SHA-256" || !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(h.Content) {
				t.Errorf("%s has the hash %v", c.Ref, h)
			}
		}
		if len(c.Licenses) != 1 || (c.Licenses[0].License == nil) == (c.Licenses[0].Expression == "") {
			t.Errorf("%s has the licences %v", c.Ref, c.Licenses)
		}
	}
	for _, dep := range d.Dependencies {
		for _, ref := range append(dep.DependsOn, dep.Ref) {
			if !refs[ref] {
				t.Errorf("%s is named and not listed", ref)
			}
		}
	}
}

// TestSBOMAgain: the same binaries have the same list, to the byte.
func TestSBOMAgain(t *testing.T) {
	d := readSBOM(t)
	text, err := d.Text()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal([]byte(text), []byte(load(t, filepath.Join(release.built(t), "labelgate.cdx.json")))) {
		t.Error("read and written again it is another")
	}
}

func hashOf(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}
