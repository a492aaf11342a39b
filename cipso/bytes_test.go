package cipso

import (
	"encoding/hex"
	"strings"
	"testing"
)

// unhex reads bytes written as hexadecimal digits with spaces at will.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

func categories(t testing.TB, s string) Categories {
	t.Helper()
	c, err := ParseCategories(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return c
}

// Decoders of any DOI but 0, or of DOI 3, and what a Smack host takes.
var (
	anyStrict = Decoder{}
	anyCompat = Decoder{Compat: true}
	anyLoose  = Decoder{Definitions: []Definition{
		{DOI: 3, Tags: []TagType{TagRestricted, TagEnumerated, TagRanges}, AcceptNonCanonical: true},
	}}
)

func smackHost(doi DOI) Decoder {
	return Decoder{Compat: true, Definitions: []Definition{{DOI: doi, Tags: []TagType{TagRestricted}}}}
}
