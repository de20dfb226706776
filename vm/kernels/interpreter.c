// An interpreter of a stack machine: a switch in a loop.
#include "kernel.h"
enum { PUSH, ADD, SUB, MUL, DUP, SWAP, OVER, DROP, JUMP_IF, LOAD, STORE, HALT };
// Sum of i * i for i from n down to 1; variable 0 is i, variable 1 the sum.
static const int program[] = {LOAD, 0, DUP, MUL, LOAD, 1, ADD, STORE, 1, LOAD, 0, PUSH, 1, SUB, DUP, STORE, 0, JUMP_IF, 0, HALT};

static u32 run(const int *code, u32 n) {
	u32 stack[16], variables[2] = {n, 0}, *top = stack, t;
	for (const int *at = code;;)
		switch (*at++) {
		case PUSH: *top++ = *at++; break;
		case ADD: top--; top[-1] += *top; break;
		case SUB: top--; top[-1] -= *top; break;
		case MUL: top--; top[-1] *= *top; break;
		case DUP: *top = top[-1]; top++; break;
		case SWAP: t = top[-1]; top[-1] = top[-2]; top[-2] = t; break;
		case OVER: *top = top[-2]; top++; break;
		case DROP: top--; break;
		case JUMP_IF: at = *--top ? code + *at : at + 1; break;
		case LOAD: *top++ = variables[*at++]; break;
		case STORE: variables[*at++] = *--top; break;
		case HALT: return variables[1];
		}
}

void _start(void) {
	report(run(program, 5000000));
}
