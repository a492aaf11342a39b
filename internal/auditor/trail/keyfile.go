package trail

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
)

// The content of a key file. It always has the same length, far below that of a
// disk's sector, and is written anew in place: on most file systems nothing of the
// former key is left.
//
//	labelgate sealing key 1
//	id 8a0f6c2be1d94a57
//	next 00000000000000000017
//	key ...
//	check ...
const (
	keyTitle    = "labelgate sealing key 1\n"
	checkLength = 8
	numberWidth = 20

	idAt     = len(keyTitle) + len("id ")
	numberAt = idAt + 2*idLength + len("\nnext ")
	secretAt = numberAt + numberWidth + len("\nkey ")
	checkAt  = secretAt + 2*keyLength + len("\ncheck ")
	keySize  = checkAt + 2*checkLength + len("\n")
	damaged  = "not a sealing key, or a damaged one; labelgate audit keys makes one"
)

// append appends the content of a key file to b, which has room for it: a secret
// is not to be left in a slice that grew.
func (k *key) append(b []byte) []byte {
	number := strconv.FormatUint(k.number, 10)
	check := k.derive("labelgate key file " + hex.EncodeToString(k.id[:]) + " " + number)
	b = append(append(b, keyTitle...), "id "...)
	b = append(hex.AppendEncode(b, k.id[:]), "\nnext "...)
	for range numberWidth - len(number) {
		b = append(b, '0')
	}
	b = append(append(b, number...), "\nkey "...)
	b = append(hex.AppendEncode(b, k.secret[:]), "\ncheck "...)
	return append(hex.AppendEncode(b, check[:checkLength]), '\n')
}

func parseKey(b []byte) (key, error) {
	var k key
	if len(b) != keySize {
		return k, errors.New(damaged)
	}
	_, err1 := hex.Decode(k.id[:], b[idAt:idAt+2*idLength])
	number, err2 := strconv.ParseUint(string(b[numberAt:numberAt+numberWidth]), 10, 64)
	_, err3 := hex.Decode(k.secret[:], b[secretAt:secretAt+2*keyLength])
	k.number = number
	again := k.append(make([]byte, 0, keySize))
	defer clear(again)
	if errors.Join(err1, err2, err3) != nil || !bytes.Equal(again, b) {
		return key{}, errors.New(damaged)
	}
	return k, nil
}

// KeyFile makes seals. It holds the file open and locked: one auditor seals with a
// key. A KeyFile belongs to one goroutine.
type KeyFile struct {
	file *os.File
	key  key
}

// OpenKeyFile opens the key file at path.
func OpenKeyFile(path string) (*KeyFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("sealing key: %w", err)
	}
	k := &KeyFile{file: f}
	if err := k.open(); err != nil {
		f.Close()
		return nil, fmt.Errorf("sealing key %s: %w", path, err)
	}
	return k, nil
}

func (k *KeyFile) open() error {
	info, err := k.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("its mode is %04o: others may read the key; chmod 600 it, or make a new one where they may have", info.Mode().Perm())
	}
	if err := lock(k.file); err != nil {
		return err
	}
	b := make([]byte, keySize+1)
	n, err := k.file.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	k.key, err = parseKey(b[:n])
	clear(b)
	return err
}

// ID names the key in seals.
func (k *KeyFile) ID() audit.Digest { return audit.MakeDigest(k.key.id[:]) }

// Number is that of the next seal: as many have been made.
func (k *KeyFile) Number() uint64 { return k.key.number }

// Advance makes the key of the next seal and erases the one before, in the file as
// in memory. It is called when the seal is on disk, never before.
func (k *KeyFile) Advance() error {
	next := k.key
	next.evolve()
	b := next.append(make([]byte, 0, keySize))
	defer clear(b)
	if _, err := k.file.WriteAt(b, 0); err != nil {
		return fmt.Errorf("sealing key: %w", err)
	}
	if err := unix.Fdatasync(int(k.file.Fd())); err != nil {
		return fmt.Errorf("sealing key: %w", err)
	}
	k.key = next
	return nil
}

// Close closes the file and erases the key from memory.
func (k *KeyFile) Close() error {
	clear(k.key.secret[:])
	return k.file.Close()
}

// ErrLocked: another auditor holds the file.
var ErrLocked = errors.New("another auditor holds it")

// lock keeps other auditors away from a file as long as it is open.
func lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK {
		return ErrLocked
	}
	return err
}

// KeyState is what a key file says: how many seals were made. Nobody who has the
// file, but not a key that was erased from it, can make it say less.
type KeyState struct{ key key }

// ReadKeyState reads the key file at path, which an auditor may hold.
func ReadKeyState(path string) (KeyState, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return KeyState{}, err
	}
	defer clear(b)
	k, err := parseKey(b)
	if err != nil {
		return KeyState{}, fmt.Errorf("%s: %w", path, err)
	}
	return KeyState{k}, nil
}
