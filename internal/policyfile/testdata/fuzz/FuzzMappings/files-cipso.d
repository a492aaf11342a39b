go test fuzz v1
uint8(0)
[]byte("a 5\n")
