// Package auditor is the process that writes audit records, and the only one that
// does. Others send it theirs, a batch in a datagram, through an audit.Pipe.
//
// A datagram is looked at, written, and only then taken out of the socket. Whenever
// the auditor is ended it is there for the next one, which finds out from the end
// of the file what of it was written already: nothing is lost and nothing stands
// there twice. When the output takes nothing, a full disk say, the auditor waits
// and tries again; the socket fills, and those who send find out.
//
// Who sends may have been taken over by a packet. Only records that are exactly as
// a Pipe writes them are written on; everything else becomes one record that shows
// its first bytes as hexadecimal digits.
package auditor
