package judge

import "labelgate/internal/control"

// Table returns a page of a table of what is in force.
func (s *Service) Table(r control.Request) (control.Response, error) {
	return control.Response{}, control.Errorf(control.CodeUnavailable, "the gateway does not show its %s", r.Verb)
}
