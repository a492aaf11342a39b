package manifest

import (
	"bytes"
	"testing"
)

// FuzzParse: whatever is taken is written again as it was; with the right sum under
// it, so that what is behind the sum is reached as well.
func FuzzParse(f *testing.F) {
	whole := text(f, example())
	f.Add(whole)
	f.Add(bytes.Replace(whole, []byte("version 7"), []byte("version 07"), 1))
	f.Add([]byte(firstLine + "\nversion 1\ncreated 2026-01-31T12:00:00Z\nexpires never\nkey none\nsum "))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, data := range [][]byte{data, resum(string(data))} {
			m, err := Parse(data)
			if err != nil {
				continue
			}
			if again, err := m.Append(nil); err != nil || !bytes.Equal(again, data) {
				t.Errorf("%q became %q, %v", data, again, err)
			}
			for i := range m.Files {
				if m.Files[i].Size < 0 || checkPath(m.Files[i].Path) != nil {
					t.Errorf("%+v", m.Files[i])
				}
			}
			if d := m.Compare(m.Files); d != nil {
				t.Errorf("differs from itself: %v", d)
			}
		}
	})
}

// FuzzVerify: of all texts for a signature, one is taken.
func FuzzVerify(f *testing.F) {
	key, message := testKey(3), []byte("message")
	right := Sign(key, message)
	f.Add(right)
	f.Add(vector(f, "text.sig"))
	f.Add(vector(f, "rsa.sig"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := Verify(data, message, []PublicKey{key.Public()}); (err == nil) != bytes.Equal(data, right) {
			t.Errorf("%q: %v", data, err)
		}
	})
}

// FuzzKey: what is read of a key is written so that it is read as the same.
func FuzzKey(f *testing.F) {
	f.Add(vector(f, "key"))
	f.Add(vector(f, "key.pub"))
	f.Add(vector(f, "encrypted"))
	f.Add(testKey(1).Marshal(9))
	f.Fuzz(func(t *testing.T, data []byte) {
		if k, err := ParsePublicKey(string(data)); err == nil {
			if again, err := ParsePublicKey(k.String()); err != nil || again.ID() != k.ID() || !isID(k.ID()) {
				t.Errorf("%q became %q, %v", data, again, err)
			}
		}
		if k, err := ParsePrivateKey(data); err == nil {
			if again, err := ParsePrivateKey(k.Marshal(1)); err != nil || !again.Key.Equal(k.Key) || again.Comment != k.Comment {
				t.Errorf("%q became %v, %v", data, again, err)
			}
		}
	})
}

// FuzzRecall: whatever is taken is written again as it was.
func FuzzRecall(f *testing.F) {
	s := sealed(7, 1, "")
	f.Add(AppendMemory(nil, &s))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, data := range [][]byte{data, resum(string(data))} {
			if s, err := Recall(data); err == nil && !bytes.Equal(AppendMemory(nil, s), data) {
				t.Errorf("%q became %q", data, AppendMemory(nil, s))
			}
		}
	})
}
