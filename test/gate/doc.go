// Package gate is what tests of a whole gateway under load stand on: a site of
// network namespaces around it, a load of numbered packets of many kinds, sniffers
// behind it that know what each of them may look like, a service manager that
// starts and hears it, and the books in which every packet has to turn up.
//
// It builds and reads packets by itself, never with the code under test. Nothing
// here decides what is right: a test says what becomes of each kind.
package gate
