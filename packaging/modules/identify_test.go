package modules

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

func load(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestIdentify(t *testing.T) {
	mit, bsd2, bsd3 := load(t, "texts/MIT.txt"), load(t, "texts/BSD-2-Clause.txt"), load(t, "texts/BSD-3-Clause.txt")
	apache := load(t, "../../LICENSE") // the project's own
	named := strings.NewReplacer("...", "Google Inc.", "{its|the}", "its", "{HOLDERS|HOLDER}", "HOLDERS", "{OWNER|HOLDER}", "OWNER", "{and|and/or}", "and/or")
	tests := []struct {
		name, text, want string
	}{
		{"MIT", "# The MIT License\n\nCopyright (c) 2021 - 2023 Somebody\n\n" + mit, "MIT"},
		{"MIT in one line", strings.ReplaceAll(mit, "\n", " "), "MIT"},
		{"MIT and a clause", mit + "\nThe Software shall be used for Good, not Evil.\n", ""},
		{"MIT with a clause above", strings.Repeat("You may not sell what you make of this. ", 10) + mit, ""},
		{"MIT without its condition", strings.Replace(mit, "shall be included", "may be left out", 1), ""},
		{"BSD with two clauses", "Copyright 2012 A\n\n" + named.Replace(bsd2), "BSD-2-Clause"},
		{"BSD with three", named.Replace(bsd3), "BSD-3-Clause"},
		{"BSD with three numbered ones", strings.Replace(named.Replace(bsd3), "Neither", "3. Neither", 1), "BSD-3-Clause"},
		{"BSD with a fourth", strings.Replace(named.Replace(bsd3), "THIS SOFTWARE IS",
			"All advertising materials must display an acknowledgement. THIS SOFTWARE IS", 1), ""},
		{"ISC", "Copyright A\n" + named.Replace(load(t, "texts/ISC.txt")), "ISC"},
		{"Apache-2.0", apache, "Apache-2.0"},
		{"Apache-2.0 filled in", apache[:strings.Index(apache, "   APPENDIX")] + "Copyright 2014 A", "Apache-2.0"},
		{"Apache-2.0 without one of its terms", strings.Replace(apache, "You must give any other recipients", "You may give any other recipients", 1), ""},
		{"another licence", "GNU GENERAL PUBLIC LICENSE\nVersion 2, June 1991", ""},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Identify(tt.text); got != tt.want {
				t.Errorf("is %q, want %q", got, tt.want)
			}
		})
	}
}

// TestApacheTerms: the sum is that of the terms in the project's own LICENSE.
func TestApacheTerms(t *testing.T) {
	all := words(load(t, "../../LICENSE"))
	terms, _, _ := strings.Cut(all[strings.Index(all, apacheStart):], apacheEnd)
	sum := sha256.Sum256([]byte(terms))
	if got := hex.EncodeToString(sum[:]); got != apacheTerms {
		t.Errorf("the terms have %s", got)
	}
}
