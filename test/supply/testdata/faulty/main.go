// Command faulty fails on purpose, when it is built for that.
package main

import "fmt"

func main() { fmt.Println(writeRecord()) }
