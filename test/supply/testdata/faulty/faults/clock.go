// Package faults is what a program that is delivered must not contain.
package faults

import "errors"

// Clock fails.
//
//go:noinline
func Clock() error { return errors.New("the clock has stopped") }
