# Walks linked x86-64 code from a function: prints what it can reach and must not, and how deep the
# stack can get. For static.sh.
#
#   machine_code.py FUNCTION EXECUTABLE MOST_STACK ALLOWED...
#
# What is called by pointer cannot be followed, and so is refused; a call through the table of the
# dynamic linker names its target. Every push and every lowering of the stack pointer in a function
# counts, whatever path it lies on, and 128 bytes for the red zone: a bound, not a guess.
#
# SPDX-License-Identifier: GPL-3.0-or-later
import re
import subprocess
import sys

HEAD = re.compile(r"^([0-9a-f]+) <(.*)>:$")
LINE = re.compile(r"^ +([0-9a-f]+):\t((?:(?:bnd|notrack|rep|lock|data16|cs) +)*)(\S+) *(.*)$")
DIRECT = re.compile(r"^([0-9a-f]+) <([^>+]*)")
BY_TABLE = re.compile(r"^\*0x[0-9a-f]+\(%rip\) +# [0-9a-f]+ <([^>+@]+)")
CONSTANT = re.compile(r"^\$0x([0-9a-f]+),%rsp$")
LOWERED = re.compile(r"^-0x([0-9a-f]+)\(%rsp\),%rsp$")
RED_ZONE = 128


class Function:
    def __init__(self, start, name):
        self.start, self.name = start, name
        self.frame = 8  # the return address
        self.targets, self.faults = [], []  # addresses or names


def signed(digits):
    value = int(digits, 16)
    return value - (1 << 64) if value >= 1 << 63 else value


def take_stack(function, mnemonic, operands):
    constant, lowered = CONSTANT.match(operands), LOWERED.match(operands)
    if mnemonic.startswith("push"):
        function.frame += 8
    elif not operands.endswith(",%rsp"):
        return
    elif constant and mnemonic in ("sub", "subq"):
        function.frame += max(0, signed(constant[1]))
    elif constant and mnemonic in ("add", "addq"):
        function.frame += max(0, -signed(constant[1]))
    elif constant and mnemonic in ("and", "andq"):
        function.frame += -signed(constant[1])
    elif lowered:
        function.frame += int(lowered[1], 16)
    elif mnemonic != "lea" and operands != "%rbp,%rsp":
        function.faults.append("stack frame of variable size")


def take_jump(function, mnemonic, operands):
    direct, by_table = DIRECT.match(operands), BY_TABLE.match(operands)
    if direct:
        function.targets.append((int(direct[1], 16), mnemonic))
    elif by_table:
        function.targets.append((by_table[1], mnemonic))
    elif operands.startswith("*"):
        function.faults.append("call by pointer")


def read(executable):
    """{start: Function}, in order."""
    functions, function = {}, None
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", executable], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    for line in text.splitlines():
        head, code = HEAD.match(line), LINE.match(line)
        if head:
            function = functions[int(head[1], 16)] = Function(int(head[1], 16), head[2])
        elif code and function:
            mnemonic, operands = code[3], code[4].strip()
            if mnemonic in ("syscall", "sysenter") or line.endswith("int    $0x80"):
                function.faults.append("system call instruction")
            elif mnemonic.startswith(("call", "j")):
                take_jump(function, mnemonic, operands)
            else:
                take_stack(function, mnemonic, operands)
    return functions


class Walk:
    def __init__(self, functions, allowed):
        self.functions, self.allowed = functions, allowed
        self.starts = sorted(functions)
        self.found, self.depth = set(), {}

    def containing(self, address):
        return self.functions.get(max(s for s in self.starts if s <= address))

    def visit(self, function, path):
        """Deepest stack of it and all that it calls."""
        if function in path:
            self.tell("recursion", [*path, function])
            return 0
        if function.start in self.depth:
            return self.depth[function.start]
        path = [*path, function]
        for fault in function.faults:
            self.tell(fault, path)
        deepest = 0
        for target, mnemonic in function.targets:
            called = self.containing(target) if isinstance(target, int) else None
            name = called.name if called else target
            if called is function and (target != function.start or mnemonic[0] == "j"):
                continue  # a jump within it
            if called and not name.endswith("@plt"):
                deepest = max(deepest, self.visit(called, path))
            elif name.split("@")[0] not in self.allowed:
                self.tell("reaches " + name.split("@")[0], path)
        self.depth[function.start] = function.frame + deepest
        return function.frame + deepest

    def tell(self, what, path):
        self.found.add("machine code: %s: %s" % (what, " > ".join(f.name for f in path)))


def main():
    callback, executable, most, allowed = *sys.argv[1:4], set(sys.argv[4:])
    functions = read(executable)
    roots = [f for f in functions.values() if f.name == callback]
    if len(roots) != 1:
        print("machine code: no function", callback)
        return
    walk = Walk(functions, allowed)
    depth = walk.visit(roots[0], []) + RED_ZONE
    if depth > int(most):
        walk.found.add("machine code: stack of %d bytes, more than %s" % (depth, most))
    for line in sorted(walk.found):
        print(line)
    print("stack", depth, file=sys.stderr)


main()
