package control

import (
	"fmt"
	"os/user"
	"slices"
	"strconv"
	"strings"
)

// Overflow is the number that the kernel gives for users and groups that it
// cannot express, such as those of another user namespace. It stands for anybody.
const Overflow = 65534

// Name is a user ("alice", "1000") or a group ("@ops", "@1000") of the settings.
type Name struct {
	Text string
	At   string // file:line:column, for errors
}

// Names are the users and groups of the settings.
type Names struct {
	Readers, Admins []Name
	Owner           uint32 // user that the gateway was started as
}

// Access says by numbers who may do what. It must not be changed after it was
// given to a Server; as JSON it goes from one process to the next.
type Access struct {
	Owner       uint32   `json:"owner"` // an admin, as root is
	AdminUsers  []uint32 `json:"admin_users"`
	AdminGroups []uint32 `json:"admin_groups"`
	ReadUsers   []uint32 `json:"read_users"`
	ReadGroups  []uint32 `json:"read_groups"`
}

// Caller is the other end of a connection, as the kernel describes it in our own
// namespaces.
type Caller struct {
	UID, GID uint32
	Groups   []uint32 // supplementary
	PID      int32    // 0 when it lives in another PID namespace
}

// Class returns what a caller may do.
func (a *Access) Class(c *Caller) Class {
	switch {
	case c.UID == 0, c.UID == a.Owner && a.Owner != Overflow:
		return Admin
	case in(c, a.AdminUsers, a.AdminGroups):
		return Admin
	case in(c, a.ReadUsers, a.ReadGroups):
		return Read
	}
	return Nobody
}

// in reports whether a caller is one of the users or belongs to one of the
// groups. The number that stands for anybody is nobody's, whatever the lists say.
func in(c *Caller, users, groups []uint32) bool {
	if c.UID != Overflow && slices.Contains(users, c.UID) {
		return true
	}
	member := func(g uint32) bool { return g != Overflow && slices.Contains(groups, g) }
	return member(c.GID) || slices.ContainsFunc(c.Groups, member)
}

// Resolve looks up the numbers of names, as this machine's /etc/passwd and
// /etc/group give them. A name that they do not have is an error.
func Resolve(n Names) (Access, error) {
	a := Access{Owner: n.Owner}
	for _, list := range []struct {
		names         []Name
		users, groups *[]uint32
	}{{n.Admins, &a.AdminUsers, &a.AdminGroups}, {n.Readers, &a.ReadUsers, &a.ReadGroups}} {
		for _, name := range list.names {
			id, err := number(name.Text)
			if err != nil {
				return Access{}, fmt.Errorf("%s: %w", name.At, err)
			}
			into := list.users
			if strings.HasPrefix(name.Text, "@") {
				into = list.groups
			}
			*into = append(*into, id)
		}
	}
	return a, nil
}

// number returns the number of a user or an @group.
func number(text string) (uint32, error) {
	group, isGroup := strings.CutPrefix(text, "@")
	id, err := strconv.ParseUint(group, 10, 32)
	switch {
	case err == nil:
	case isGroup:
		if id, err = lookUp(user.LookupGroup, func(g *user.Group) string { return g.Gid }, group); err != nil {
			return 0, fmt.Errorf("no group %q in /etc/group; make it, or write its number", group)
		}
	default:
		if id, err = lookUp(user.Lookup, func(u *user.User) string { return u.Uid }, text); err != nil {
			return 0, fmt.Errorf("no user %q in /etc/passwd; make it, or write its number", text)
		}
	}
	if id == Overflow {
		return 0, fmt.Errorf("%q is %d, which is also what the kernel calls everybody of another user namespace", text, Overflow)
	}
	return uint32(id), nil
}

func lookUp[T any](find func(string) (*T, error), id func(*T) string, name string) (uint64, error) {
	found, err := find(name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(id(found), 10, 32)
}

// ResolveGroup returns the number of a group by its name or number, without @.
func ResolveGroup(name Name) (int, error) {
	id, err := number("@" + name.Text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name.At, err)
	}
	return int(id), nil
}
