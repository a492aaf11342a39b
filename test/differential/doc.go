// Package differential puts the same option areas to the running kernel and to
// the gateway, and what the gateway writes to tshark. It consists of tests.
package differential
