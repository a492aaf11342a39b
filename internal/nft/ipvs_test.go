//go:build router

package nft_test

import (
	"encoding/binary"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"labelgate/internal/nft"
)

// virtualServer has IPVS send what comes for an address of the gateway to others.
func (l *lab) virtualServer(ip string, port uint16) {
	l.t.Helper()
	service := struct { // struct ip_vs_service_user of linux/ip_vs.h
		protocol       uint16
		_              uint16
		address        [4]byte
		port           [2]byte
		_              uint16
		mark           uint32
		scheduler      [16]byte
		flags, timeout uint32
		netmask        [4]byte
	}{protocol: unix.IPPROTO_TCP, address: [4]byte(ip4(ip)), netmask: [4]byte{255, 255, 255, 255}}
	binary.BigEndian.PutUint16(service.port[:], port)
	copy(service.scheduler[:], "rr")
	const add = 64 + 1024 + 64 + 2 // IP_VS_SO_SET_ADD
	var err error
	l.inside(l.gw, func() {
		var fd int
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW); err != nil {
			return
		}
		defer unix.Close(fd)
		err = unix.SetsockoptString(fd, unix.IPPROTO_IP, add, string(unsafe.Slice((*byte)(unsafe.Pointer(&service)), unsafe.Sizeof(service))))
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

func TestVirtualServerIsFound(t *testing.T) {
	l := newLab(t)
	l.install()
	l.virtualServer(gwSrcIP, 80)
	found, err := nft.Bypasses(l.plan)
	if err != nil || len(found) != 1 || leads(found[0]) != `ipvs "" true` {
		t.Fatalf("%v, %v", found, err)
	}
	if want := "IPVS sends what comes for TCP 10.91.1.1:80 on to other hosts as if this machine had sent it"; found[0].What != want {
		t.Errorf("%q, want %q", found[0].What, want)
	}
}
