// Package control is how people and their programs talk to a running gateway: a
// Unix socket on which local users ask what it does, and a few of them tell it
// what to do.
//
// The socket is made by Listen in the process that still may, and served by a
// Server in one that may nothing: it holds no packets, no policy and no
// capability. What it answers it gets from a Backend.
//
// # Protocol
//
// Both sides send frames: four bytes with the length of what follows, the most
// significant first, then one JSON object. The gateway speaks first and says
// which protocol it speaks and what the caller may do; a caller it does not
// serve gets an error in its place. Then come requests, each answered by one
// frame before the next is read:
//
//	< {"protocol":1,"version":"v1.4.0","class":"read"}
//	> {"verb":"hosts","args":{"limit":2}}
//	< {"result":[{...},{...}],"next":"7.2"}
//	> {"verb":"hosts","args":{"limit":2,"cursor":"7.2"}}
//	< {"result":[{...}]}
//	> {"verb":"reload"}
//	< {"error":{"code":"forbidden","message":"..."}}
//
// A request is at most MaxRequest bytes, an answer MaxAnswer. Unknown keys of a
// request are refused. After a frame that cannot be read the connection ends,
// since nobody knows where the next one begins.
//
// Who asks is what the kernel says of the other end, anew for every request, and
// never what the request says.
package control

import "time"

// Protocol is the version that both sides must speak. New verbs and new keys of
// answers do not change it.
const Protocol = 1

// Limits of the protocol, in bytes.
const (
	MaxRequest = 64 << 10
	MaxAnswer  = 1 << 20
)

// How long a Server waits for the whole of a request, the time before its first
// byte included, and for the caller to take an answer.
const (
	ReadTimeout  = 5 * time.Second
	WriteTimeout = 5 * time.Second
)
