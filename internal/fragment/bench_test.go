package fragment

import "testing"

// BenchmarkDatagram: three pieces in order, among a thousand datagrams that wait.
func BenchmarkDatagram(b *testing.B) {
	tbl := New(4096, 3)
	for i := range 1000 {
		tbl.Add(0, Key{Zone: 1, ID: uint16(i)}, first)
	}
	k := Key{Zone: 2}
	b.ReportAllocs()
	for b.Loop() {
		k.ID++
		for part := range 3 {
			if tbl.Add(0, k, Piece{Offset: part * 1480, Length: 1480, More: part < 2, HeaderLen: 20}) != Fits {
				b.Fatal("refused")
			}
		}
	}
}

// BenchmarkFlood: first pieces only; each is refused or takes the place of one
// that expired.
func BenchmarkFlood(b *testing.B) {
	tbl := New(4096, 3)
	k := Key{Zone: 2}
	b.ReportAllocs()
	for i := uint32(0); b.Loop(); i++ {
		k.ID, k.Src[0], k.Src[1] = uint16(i), byte(i>>16), byte(i>>24)
		tbl.Add(i>>13, k, first)
	}
}
