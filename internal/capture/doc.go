// Package capture reads recorded packets and writes recordings of its own.
//
// Reader turns pcap and pcapng files of the usual link types into one sequence of
// frames, each with its IPv4 packet cut out. PcapWriter records what leaves as
// pcap, NgWriter as pcapng with a comment on each packet, which Wireshark shows
// and filters as frame.comment.
//
// pcap goes through gopacket's pcapgo. pcapng does not: pcapgo keeps eight bits of
// a link type (Linux cooked v2, 276, becomes 20, and 257 becomes Ethernet), takes
// a file that is cut off for a complete one, drops comments, divides by zero on
// some clock resolutions and reserves whatever memory a length field asks for. It
// remains the second opinion in the tests.
package capture
