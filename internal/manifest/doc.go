// Package manifest is the list of files that a policy is made of, each with its
// size and digest, so that nothing of it can be changed, cut off, added or taken
// away without being noticed; and the signature under that list.
//
// The list is a text in one canonical form: Parse takes nothing that Append would
// not have written. The signature is OpenSSH's (PROTOCOL.sshsig, Ed25519 keys
// only), so that ssh-keygen can make and check it, with keys that it keeps.
package manifest
