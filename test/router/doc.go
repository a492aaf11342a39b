// Package router runs the tests of internal/nft in a User-Mode Linux kernel that has
// what the kernel underneath may not have: flow tables, IPVS, and nf_tables' own
// queue. With the build tag router, as `make router` sets it, tests are among them
// that need those.
package router
