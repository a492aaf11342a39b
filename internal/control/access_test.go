package control

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClass(t *testing.T) {
	access := Access{Owner: 500, AdminUsers: []uint32{10, Overflow}, AdminGroups: []uint32{100, Overflow}, ReadUsers: []uint32{20, 10}, ReadGroups: []uint32{200}}
	for _, tt := range []struct {
		name   string
		caller Caller
		want   Class
	}{
		{name: "root", caller: Caller{UID: 0, GID: 1}, want: Admin},
		{name: "the gateway's own user", caller: Caller{UID: 500, GID: 1}, want: Admin},
		{name: "admin by user", caller: Caller{UID: 10, GID: 1}, want: Admin},
		{name: "admin by group", caller: Caller{UID: 11, GID: 100}, want: Admin},
		{name: "admin by a further group", caller: Caller{UID: 11, GID: 1, Groups: []uint32{2, 100}}, want: Admin},
		{name: "reader by user", caller: Caller{UID: 20, GID: 1}, want: Read},
		{name: "reader by a further group", caller: Caller{UID: 21, GID: 1, Groups: []uint32{200}}, want: Read},
		{name: "reader and admin", caller: Caller{UID: 20, GID: 100}, want: Admin},
		{name: "stranger", caller: Caller{UID: 30, GID: 1, Groups: []uint32{2, 3}}, want: Nobody},
		{name: "user with the number of a group", caller: Caller{UID: 100, GID: 10}, want: Nobody},
		{name: "group 0 is not root", caller: Caller{UID: 30, GID: 0, Groups: []uint32{0}}, want: Nobody},
		{name: "of another user namespace", caller: Caller{UID: Overflow, GID: Overflow, Groups: []uint32{Overflow}}, want: Nobody},
		{name: "of another user namespace, but in a group", caller: Caller{UID: Overflow, GID: 200}, want: Read},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := access.Class(&tt.caller); got != tt.want {
				t.Errorf("class %v, want %v", got, tt.want)
			}
		})
	}
	nobody := Access{Owner: Overflow}
	if got := nobody.Class(&Caller{UID: Overflow}); got != Nobody {
		t.Errorf("where the gateway runs as nobody, everybody of other namespaces is %v", got)
	}
}

func TestResolve(t *testing.T) {
	got, err := Resolve(Names{Owner: 7, Readers: []Name{{Text: "daemon"}, {Text: "@1000"}}, Admins: []Name{{Text: "1000"}, {Text: "root"}, {Text: "@root"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := Access{Owner: 7, AdminUsers: []uint32{1000, 0}, AdminGroups: []uint32{0}, ReadUsers: []uint32{1}, ReadGroups: []uint32{1000}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("access differs (-want +got):\n%s", diff)
	}
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var back Access
	if err := json.Unmarshal(b, &back); err != nil || !cmp.Equal(back, got) {
		t.Errorf("as JSON and back it is %+v (%v)", back, err)
	}
	for _, tt := range []struct{ name, text, want string }{
		{name: "no such user", text: "no-such-user", want: `f:1:2: no user "no-such-user" in /etc/passwd`},
		{name: "no such group", text: "@no-such-group", want: `f:1:2: no group "no-such-group" in /etc/group`},
		{name: "anybody by number", text: "65534", want: `f:1:2: "65534" is 65534, which is also`},
		{name: "anybody by name", text: "nobody", want: `f:1:2: "nobody" is 65534`},
		{name: "any group", text: "@65534", want: `f:1:2: "@65534" is 65534`},
		{name: "too large", text: "4294967296", want: `f:1:2: no user "4294967296"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Resolve(Names{Admins: []Name{{Text: tt.text, At: "f:1:2"}}})
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("error %v, want %s...", err, tt.want)
			}
		})
	}
}
