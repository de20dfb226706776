<?php
// A page from a template and a JSON file, and some sums.
declare(strict_types=1);

$orders = json_decode(file_get_contents('/orders.json'), true, 512, JSON_THROW_ON_ERROR);
usort($orders, fn($a, $b) => [$b['amount'] * $b['price'], $a['name']] <=> [$a['amount'] * $a['price'], $b['name']]);
$sum = array_sum(array_map(fn($order) => $order['amount'] * $order['price'], $orders));

function rows(array $orders): iterable
{
    foreach ($orders as $place => $order) {
        yield sprintf('    <tr><td>%d</td><td>%s</td><td>%s</td><td>%.2f</td></tr>', $place + 1,
            htmlspecialchars($order['name']), number_format($order['amount'], 0, '.', ' '), $order['amount'] * $order['price']);
    }
}

$hashes = [];
foreach (['sha256', 'md5', 'crc32b', 'xxh64', 'whirlpool'] as $kind) {
    $hashes[] = "$kind " . hash($kind, serialize($orders));
}
$sieve = array_fill(2, 19999, true);
for ($i = 2; $i * $i <= 20000; $i++) {
    if ($sieve[$i]) {
        for ($j = $i * $i; $j <= 20000; $j += $i) {
            $sieve[$j] = false;
        }
    }
}
?>
<!DOCTYPE html>
<title>Orders</title>
<table>
<?= implode("\n", iterator_to_array(rows($orders))), "\n" ?>
    <tr><td colspan="3">sum</td><td><?= number_format($sum, 2, '.', ' ') ?></td></tr>
</table>
<pre>
<?= implode("\n", $hashes), "\n" ?>
<?= count(array_filter($sieve)), " primes, ", preg_replace_callback('/(\w)(\w*)/', fn($m) => strtoupper($m[1]) . strrev($m[2]), 'verified computation'), "\n" ?>
<?= PHP_VERSION, ' ', intdiv(PHP_INT_MAX, 3), ' ', var_export(0.1 + 0.2, true), "\n" ?>
</pre>
