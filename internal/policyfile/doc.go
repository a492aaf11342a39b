// Package policyfile reads the text formats in which Smack's policy is written:
// access rules, CIPSO mappings and host tables. The same directory names mean
// different things to the programs that read them, so a file is read in a
// Dialect, and where two of them would read a file differently and nobody said
// which one it is, that is an error.
//
// Reading is strict and whole: what Linux or its tools pass over in silence (an
// octet of 300, text behind a label, a label cut off at a slash) is a Problem with
// its place and a hint, all problems of all files are reported at once, each only
// once, and a set with one bad line is not a set.
package policyfile
