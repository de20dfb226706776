% Queens, a small grammar over a text file, derivatives, and big numbers.
:- use_module(library(lists)).
:- use_module(library(dcgs)).

queens(N, Places) :- numlist(1, N, Rows), place(Rows, [], Places).
place([], Places, Places).
place(Rows, Done, Places) :-
    select(Row, Rows, Rest), \+ attacked(Row, 1, Done), place(Rest, [Row|Done], Places).
attacked(Row, Far, [Other|_]) :- Row =:= Other + Far ; Row =:= Other - Far.
attacked(Row, Far, [_|Others]) :- Next is Far + 1, attacked(Row, Next, Others).

expression(Value) --> term(First), sums(First, Value).
sums(So, Value) --> "+", !, term(Next), { Sum is So + Next }, sums(Sum, Value).
sums(So, Value) --> "-", !, term(Next), { Sum is So - Next }, sums(Sum, Value).
sums(Value, Value) --> [].
term(Value) --> factor(First), products(First, Value).
products(So, Value) --> "*", !, factor(Next), { Product is So * Next }, products(Product, Value).
products(Value, Value) --> [].
factor(Value) --> "(", !, expression(Value), ")".
factor(Value) --> digits(Digits), { Digits = [_|_], number_chars(Value, Digits) }.
digits([Digit|Rest]) --> [Digit], { Digit @>= '0', Digit @=< '9' }, !, digits(Rest).
digits([]) --> [].

derive(X, X, 1) :- !.
derive(C, _, 0) :- atomic(C), !.
derive(A + B, X, U + V) :- derive(A, X, U), derive(B, X, V).
derive(A * B, X, A * V + B * U) :- derive(A, X, U), derive(B, X, V).

lines(Stream) :-
    read_term(Stream, Term, []),
    (   Term == end_of_file -> true
    ;   Term = sum(Chars), phrase(expression(Value), Chars), write(Value), nl, lines(Stream)
    ).

main :-
    findall(Places, queens(6, Places), All), length(All, Count), All = [First|_],
    writeq(queens(Count, First)), nl,
    open('/sums.txt', read, Stream), lines(Stream), close(Stream),
    derive(x * x * 3 + x * y, x, Derived), writeq(Derived), nl,
    Big is 3 ^ 200 mod 10 ^ 60, writeq(Big), nl,
    halt.
