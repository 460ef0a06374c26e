// Package script runs health scripts in Lua, as Argo CD has them: the global obj
// is the object, and the script returns a table with status and message.
//
// A script is somebody else's program inside our process, so nothing that it does
// is free and nothing is unbounded. What it may use is counted, not timed: equal
// objects get equal answers, on a busy machine too. Two things are counted:
//
//   - Steps. The virtual machine asks its context before each instruction whether
//     it is done; ours counts the questions. Functions of ours that loop count
//     their rounds.
//   - Memory. What can allocate more than a fixed amount in one instruction is
//     taken out of the hands of the virtual machine: the compiler here turns
//     concatenation, table constructors and assignments to computed keys into
//     calls of functions that charge before they allocate, and the functions of
//     the string and table libraries are our own. All that is left allocates at
//     most about a kilobyte per step.
//
// There is no way to load code, to reach the disk, the network, the environment or
// another object, no coroutine and no chance.
package script
