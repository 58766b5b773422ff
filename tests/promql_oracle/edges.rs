//! Texts at the edge of the language, some inside, some outside.

/// All of them.
pub fn all() -> impl Iterator<Item = String> {
    ON_ONE_LINE.split('¦').map(str::trim).chain(OTHERS.iter().copied()).map(str::to_owned)
}

const OTHERS: &[&str] =
    &["", "x{a=\"b\nc\"}", "x{a='b' # comment\n}", "\"a", "`a\nb`", "'a\nb'", "x == bool\n1", "\tx\r\n"];

const ON_ONE_LINE: &str = r"
1 ¦ -1 ¦ --1 ¦ +-+1 ¦ 1 2 ¦ 0x1F ¦ 017 ¦ 08 ¦ 1e3 ¦ 1e ¦ .5 ¦ 5. ¦ 1.2.3 ¦ 1_000 ¦ Inf ¦ -inf ¦ nAn ¦ 0x ¦ 5m ¦
x ¦ x{} ¦ {} ¦ {a=''} ¦ {a=~'.*'} ¦ {a=~'.+'} ¦ x{a='b',} ¦ x{,} ¦ x{a='b' c='d'} ¦ x{a=b} ¦ x{'a'='b'} ¦ {'x'} ¦
x{__name__='y'} ¦ {__name__='y'} ¦ x{a=~'('} ¦ x{a!~'b'} ¦ x{a=='b'} ¦ x{a='\d'} ¦ x{a=`\d`} ¦ x{a='é'} ¦ é ¦
x{é='a'} ¦ x # comment ¦ # comment ¦ :x ¦ x:y ¦ x: ¦ sum:x ¦ sum(x:y) by (a:b) ¦ x[5m] ¦ x[5] ¦ x[0s] ¦ x[5m ¦
x[5m]] ¦ x[] ¦ x[5m:1m] ¦ x[5m:] ¦ x[5m:0s] ¦ x[:1m] ¦ x[1h5m] ¦ x[5m1h] ¦ x[ 5m ] ¦ x[5m : 1m] ¦ x[-5m] ¦
x [5m] ¦ (x)[5m] ¦ (x)[5m:] ¦ 1[5m:] ¦ x[5m][5m:] ¦ x[5m:][5m:] ¦ rate(x[5m])[5m:1m] ¦ x offset 5m ¦
x offset -5m ¦ x offset 0s ¦ x offset 5 ¦ x offset ¦ x offset 5m offset 5m ¦ x[5m] offset 5m ¦ x offset 5m[5m] ¦
x offset 5m[5m:] ¦ 1 offset 5m ¦ (x) offset 5m ¦ sum(x) offset 5m ¦ -x offset 5m ¦ x offset +5m ¦
offset offset 5m ¦ x @ 5 ¦ x @ -5 ¦ x @ +5 ¦ x @ 1.5e3 ¦ x @ Inf ¦ x @ NaN ¦ x @ 1e30 ¦ x @ start() ¦
x @ end ( ) ¦ x @ start ¦ x @ 5m ¦ x @ 5 @ 6 ¦ x @ 5 offset 5m ¦ x offset 5m @ 5 ¦ 1 @ 5 ¦ (x) @ 5 ¦ x[5m] @ 5 ¦
x @ 5[5m] ¦ start() ¦ start ¦ end{a='b'} ¦ a + b ¦ a + ¦ + a ¦ a ++ b ¦ a and b ¦ 1 and b ¦ a and 1 ¦ a AND b ¦
a == b ¦ 1 == 1 ¦ 1 == bool 1 ¦ a + bool b ¦ a = b ¦ a =~ b ¦ a ! b ¦ a != b ¦ a !~ b ¦ a >= b ¦ a => b ¦ a <> b ¦
a == bool on(x) b ¦ a on(x) == b ¦ a + on b ¦ a + on() b ¦ a + on(x,) b ¦ a + on(,) b ¦ a + on(x y) b ¦
a + on('x') b ¦ a + on(x) group_left b ¦ a + group_left b ¦ a + on(x) group_left() b ¦ a + on(x) group_left(y) b ¦
a + on(x) group_left(x) b ¦ a + ignoring(x) group_right(x) b ¦ a and on(x) group_left b ¦ 1 + on(x) a ¦
1 + on() 1 ¦ a + on(x) 1 ¦ a + on(sum, by, on, bool, offset, start) b ¦ a + on(and) b ¦ a ^ b ^ c ¦ a atan2 b ¦
atan2 ¦ a + 'b' ¦ a + b[5m] ¦ -b[5m] ¦ -'b' ¦ a unless b or c and d ¦ a * on(x) group_left (b) c ¦ a % -b ¦
a - -b ¦ a > b > c ¦ a == b + c ¦ sum(x) ¦ sum x ¦ sum ¦ sum{a='b'} ¦ sum by ¦ sum by (x) ¦ sum by x (y) ¦
sum(x) by (y) ¦ sum by (y) (x) by (z) ¦ sum() ¦ sum(x, y) ¦ sum(1) ¦ sum(x[5m]) ¦ SUM(x) ¦ topk(1, x) ¦ topk(x) ¦
topk(x, y) ¦ topk('a', y) ¦ topk(1, x) by (y) ¦ count_values('a', x) ¦ count_values(1, x) ¦ quantile(0.5, x) ¦
sum without (x,) (y) ¦ sum by (le, instance,) (y) ¦ by ¦ without ¦ on ¦ ignoring ¦ bool ¦ group_left ¦ and ¦ or ¦
unless ¦ and and and ¦ avg without ¦ sum(x) without ¦ group(x) ¦ stdvar(x,) ¦ rate(x[5m]) ¦ rate(x) ¦ rate() ¦
rate(x[5m], 1) ¦ rate(x[5m],) ¦ RATE(x[5m]) ¦ foo(x) ¦ abs(1) ¦ abs('a') ¦ abs(x y) ¦ time() ¦ time(1) ¦ hour() ¦
hour(x) ¦ hour(x, y) ¦ round(x) ¦ round(x, 5) ¦ round(x, y) ¦ scalar(x) ¦ vector(1) ¦ vector(x) ¦ pi() ¦
label_replace(x, 'a', 'b', 'c', 'd') ¦ label_replace(x, 'a') ¦ label_join(x, 'a', 'b') ¦ label_join(x, 'a') ¦
label_join(x, 'a', 'b', c) ¦ histogram_quantile(0.9, x) ¦ histogram_quantile(x, 0.9) ¦
quantile_over_time(0.9, x[5m]) ¦ predict_linear(x[5m], 1) ¦ holt_winters(x[5m], 0.5, 0.5) ¦ absent_over_time(x) ¦
sort(x) ¦ clamp(x, 1) ¦ clamp(x, 1, 2) ¦ clamp_max(x, 2) ¦ sgn(x) ¦ 'a' ¦ 'a\' ¦ () ¦ (1) ¦ ((x)) ¦ (x ¦ x) ¦ x; ¦
x~y ¦ x{a='b'}{c='d'} ¦ {a='b'}x ¦ x y ¦ sum(sum(x) by (y)) by (z) ¦ avg(x)[5m:] ¦ sum(x)[5m:] by (y) ¦
inf_total ¦ nan:x ¦ Infx ¦ max_x(1)
";
