package sandbox

// archEscapes: 32-bit programs have no way to call the kernel from 64-bit code here.
var archEscapes []escape
