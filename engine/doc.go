// Package engine is Smack's rule engine as a library: labels, access modes,
// rules, and the one question every user of mandatory access control asks, may
// this subject do this to that object?
//
// Files, processes and packets ask it alike. A Builder collects rules; Build
// compiles them into a Policy, which never changes and may be shared by any
// number of goroutines. Labels are small integers inside a Policy, so that a
// check compares no strings, allocates nothing and costs the same whether there
// are ten rules or a million.
//
// The order of decisions and the meaning of the modes are those of the Smack
// documentation of Linux (Documentation/admin-guide/LSM/Smack.rst, "Access
// Rules") as a running kernel applies them.
package engine
