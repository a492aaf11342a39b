package modules

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"regexp"
	"strings"
)

// A licence is known by all of its words, in their order: one with a sentence more
// or less is another licence. What differs between copies is left out of account:
// title, names and years above it, upper case, punctuation, and the numbers and
// letters of its lists.

// templates hold licences under their SPDX identifiers. "..." stands for up to
// twelve words of a name, "{one|other}" for what copies have in two forms.
//
//go:embed texts
var templates embed.FS

// heading is how many words may stand above a licence.
const heading = 60

// apacheTerms is the SHA-256 of the words of Apache-2.0 from apacheStart to
// apacheEnd: between a title and a form that many have filled in.
const (
	apacheTerms = "3b66f703c4c3f0853c1b857db98e8974b3a68cbd4bef173ff1203f6d4046c6b1"
	apacheStart = "terms and conditions for use reproduction and distribution"
	apacheEnd   = " end of terms and conditions"
)

// Identify returns the SPDX identifier of the licence that the text is, "" if it is
// none that is known.
func Identify(text string) string {
	all := words(text)
	if at := strings.Index(all, apacheStart); at >= 0 && short(all[:at]) {
		terms, _, _ := strings.Cut(all[at:], apacheEnd)
		if sum := sha256.Sum256([]byte(terms)); hex.EncodeToString(sum[:]) == apacheTerms {
			return "Apache-2.0"
		}
	}
	files, err := templates.ReadDir("texts")
	if err != nil {
		panic(err)
	}
	for _, f := range files {
		template, err := templates.ReadFile("texts/" + f.Name())
		if err != nil {
			panic(err)
		}
		if at := pattern(string(template)).FindStringIndex(all); at != nil && short(all[:at[0]]) {
			return strings.TrimSuffix(f.Name(), ".txt")
		}
	}
	return ""
}

func short(words string) bool { return strings.Count(words, " ") <= heading }

var word = regexp.MustCompile(`[a-z0-9]{2,}`)

// words are those of a text, a space between each two.
func words(text string) string {
	return strings.Join(word.FindAllString(strings.ToLower(text), -1), " ")
}

var placeholder = regexp.MustCompile(`\.\.\.|\{[^|]*\|[^}]*\}`)

// pattern matches the words of a template up to the end of a text.
func pattern(template string) *regexp.Regexp {
	var parts []string
	rest := template
	for {
		at := placeholder.FindStringIndex(rest)
		if at == nil {
			return regexp.MustCompile(strings.Join(append(parts, words(rest)), " ") + "$")
		}
		parts = append(parts, words(rest[:at[0]]))
		if mark := rest[at[0]:at[1]]; mark == "..." {
			parts = append(parts, `[a-z0-9]+( [a-z0-9]+){0,11}`)
		} else {
			one, other, _ := strings.Cut(mark, "|")
			parts = append(parts, "("+words(one)+"|"+words(other)+")")
		}
		rest = rest[at[1]:]
	}
}
