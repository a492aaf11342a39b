// Package e2e holds the gateway to its promises with real packets: real
// labelgated processes, real queues, hosts in network namespaces of their own,
// and captures at both ends of every cable as the judge. It consists of tests.
package e2e
