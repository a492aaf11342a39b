package config

import (
	"fmt"
	"path/filepath"

	"labelgate/internal/policyfile"
)

// ControlSocket returns the control socket that the settings file at path names,
// "" when it says that there is none. Whatever else may be wrong with the file
// does not matter: who wants to reload it is to be told by the gateway.
func ControlSocket(path string) (string, error) {
	data, err := policyfile.Read(path, MaxSize)
	if err != nil {
		return "", err
	}
	doc, problems := parseDocument(path, data)
	if len(problems) > 0 {
		return "", problems
	}
	var raw rawFile
	b := binder{doc: doc}
	b.table(doc.root, raw.keys(), "")
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	c := checker{binder: binder{doc: doc}, dir: filepath.Dir(abs)}
	socket := raw.control.value.socket
	control := c.control(&entry[rawControl]{value: rawControl{socket: socket}, at: raw.control.at, set: raw.control.set})
	switch {
	case len(c.problems) > 0:
		return "", c.problems
	case socket.faulty:
		return "", fmt.Errorf("%s: socket in [control] is no string", path)
	}
	return control.Socket, nil
}
