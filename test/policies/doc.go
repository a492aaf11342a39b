// Package policies holds that a policy that is not what was sealed changes
// nothing: cut off at every byte, with any bit turned over, from the wrong hands,
// too large, too old. Each is refused with words that name the file, and the
// policy in force stays as it is.
package policies
