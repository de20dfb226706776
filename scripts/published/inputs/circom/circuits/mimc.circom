pragma circom 2.0.0;

include "bits.circom";

// MiMC-like permutation: x -> (x + k + c)^7, a given number of rounds.
template Rounds(n) {
    signal input x;
    signal input k;
    signal output y;
    signal t[n + 1];
    signal t2[n];
    signal t4[n];
    signal t6[n];
    var c = 0;
    t[0] <== x;
    for (var i = 0; i < n; i++) {
        t2[i] <== (t[i] + k + c) * (t[i] + k + c);
        t4[i] <== t2[i] * t2[i];
        t6[i] <== t4[i] * t2[i];
        t[i + 1] <== t6[i] * (t[i] + k + c);
        c = c * c * c + i + 7;
    }
    y <== t[n] + k;
}

// A path of a binary Merkle tree, two permutations a level.
template Path(levels) {
    signal input leaf;
    signal input index;
    signal input siblings[levels];
    signal output root;
    component bits = Bits(levels);
    component left[levels];
    component right[levels];
    signal at[levels + 1];
    signal l[levels];
    signal r[levels];
    bits.in <== index;
    at[0] <== leaf;
    for (var i = 0; i < levels; i++) {
        l[i] <== at[i] + bits.out[i] * (siblings[i] - at[i]);
        r[i] <== siblings[i] + at[i] - l[i];
        left[i] = Rounds(91);
        right[i] = Rounds(91);
        left[i].x <== l[i];
        left[i].k <== 0;
        right[i].x <== r[i];
        right[i].k <== left[i].y;
        at[i + 1] <== right[i].y;
    }
    root <== at[levels];
}

component main {public [leaf]} = Path(10);
