package script

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"labelgate/internal/control"
)

// answers is a labelgated that has an answer to each verb.
type answers map[string]struct {
	Result json.RawMessage
	Error  *control.Error
}

// Do implements control.Backend.
func (a answers) Do(_ context.Context, r control.Request) (control.Response, error) {
	given, ok := a[r.Verb]
	switch {
	case !ok:
		return control.Response{}, errors.New("no answer to " + r.Verb)
	case given.Error != nil:
		return control.Response{}, given.Error
	}
	return control.Response{Result: given.Result}, nil
}

// gateway serves the answers of a file on a control socket until the script is
// through: gateway FILE SOCKET.
func gateway(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: gateway FILE SOCKET")
	}
	var backend answers
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &backend))
	f, err := control.Listen(control.Place{Path: ts.MkAbs(args[1]), GID: -1, Make: true})
	ts.Check(err)
	s := control.NewServer(control.Config{Backend: backend, Access: control.Access{Owner: uint32(os.Geteuid())}, Version: "v1.4.0"})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, f) }()
	ts.Defer(func() {
		stop()
		ts.Check(<-ended)
	})
}
