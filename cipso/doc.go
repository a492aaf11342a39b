// Package cipso reads and writes the Commercial IP Security Option: the bytes
// of IPv4 option 134 on one side, a domain of interpretation, a sensitivity
// level and a set of categories on the other.
package cipso
