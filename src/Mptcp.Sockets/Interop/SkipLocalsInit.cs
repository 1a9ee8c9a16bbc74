// Buffers for the kernel's structs are cleared where it matters, and not at each call: a question to the kernel takes 300 ns, and
// clearing what it may fill in is a part of that which can be measured.
[module: System.Runtime.CompilerServices.SkipLocalsInit]
