// Package hostile has Process judge packets that nobody should send, millions of
// them, and holds what it decides and what it lets leave against what it
// promises. It consists of tests, which need no privileges.
package hostile
