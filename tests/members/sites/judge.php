<?php
// Looks at what became of the two sites: `php judge.php FOLDER PHPBB_COUNT MEMBERS_COUNT`. FOLDER has what each
// command said and wrote. Prints the report as Markdown; ends with 1, and says why, if anything is not as it must be.

require_once __DIR__ . '/people.php';

[, $folder, $counts['phpbb'], $counts['members']] = $argv;
$problems = [];
$sites = [];
foreach ($counts as $site => $count) {
    $sites[$site] = judged(people($site, (int) $count), "$folder/$site", function (string $what) use (&$problems, $site): void {
        $problems[] = "$site: $what";
    });
}
echo '# The members of two made-up sites, ' . array_sum($counts) . " in all\n\n"
    . "Every tenth of each format has logged in, four at a time on each of the two servers; so did those who may not.\n"
    . "The time of a login has the wait behind the others in it.\n\n";
echo report($sites, "$folder/times");
foreach (array_slice($problems, 0, 20) as $problem) {
    fwrite(STDERR, "$problem\n");
}
if ($problems) {
    fwrite(STDERR, count($problems) . " things are not as they must be\n");
}
exit($problems ? 1 : 0);

/** One site, from its dump to the stores before and after. */
function judged(iterable $people, string $files, callable $wrong): array
{
    $dry_run = dry_run("$files.dry-run");
    $before = store("$files.before.csv");
    $after = store("$files.after.csv");
    $visits = visits("$files.visits");
    $again = visits("$files.again");
    $rows = 0;
    $formats = [];
    $renewed = [];
    $can = [];
    foreach ($people as $id => $person) {
        $rows++;
        $found = $dry_run['refused'][$id] ?? [];
        if ($found !== $person->refused) {
            $wrong("$id is refused because it " . list_of($found) . ', and must be because it ' . list_of($person->refused));
        }
        if ($person->refused) {
            isset($before[$id]) && $wrong("$id was refused and came in");
            continue;
        }
        came_in($person, $before[$id] ?? null, $wrong);
        // Of the many, a tenth and all who came again: PHP takes as long for each as the server did.
        $is_proved = count($visits) < 500 || isset($again[$id]) || $id % 10 === 0;
        $rows_of = [$before[$id] ?? [], $after[$id] ?? []];
        changed($person, $rows_of, [$visits[$id] ?? null, $again[$id] ?? null], $is_proved, $wrong);
        $format = $person->format();
        $formats[$format] = ($formats[$format] ?? 0) + 1;
        $can[$format] = ($can[$format] ?? 0) + ($person->active ? 1 : 0);
        if (($visits[$id]['where'] ?? '') === 'in' && $format !== 'argon2id') {
            $renewed[$format] = ($renewed[$format] ?? 0) + 1;
        }
    }
    if ([$rows, count($before)] !== [$dry_run['rows'], $dry_run['good']] || count($before) !== count($after)) {
        $wrong("there are $rows rows and " . count($before) . ' came in; the report has other numbers');
    }
    // Every tenth, and of each format.
    $ways = array_count_values(array_column(array_filter($visits, fn ($visit) => $visit['where'] === 'in'), 'format'));
    $slips = array_sum(array_column($visits, 'slips'));
    if (count($visits) * 10 < $rows || count($again) * 10 < array_sum($ways) / 2 || $slips * 10 < count($visits)) {
        $wrong('only ' . count($visits) . " came, $slips mistyped, and " . count($again) . ' came again');
    }
    foreach (array_keys(array_diff_key(array_filter($can), $ways)) as $format) {
        $wrong("nobody was let in by $format");
    }
    // What `members check` counts is what is known of everybody.
    $checked = [check("$files.check-before"), check("$files.check-after")];
    if (sorted($formats) !== sorted($checked[0])) {
        $wrong('members check counts other formats before: ' . json_encode($checked[0]));
    }
    foreach ($renewed as $format => $count) {
        $formats[$format] -= $count;
        $formats['argon2id'] = ($formats['argon2id'] ?? 0) + $count;
    }
    $parts = $checked[1]['argon2id of a part'] ?? 0;
    $seen = ['argon2id' => ($checked[1]['argon2id'] ?? 0) + $parts] + $checked[1];
    unset($seen['argon2id of a part']);
    if (sorted($formats) !== sorted($seen)) {
        $wrong('members check counts other formats after: ' . json_encode($checked[1]));
    }
    return compact('dry_run', 'checked', 'visits', 'again');
}

/** Whether a member in the store is the one of the site. */
function came_in(Person $person, ?array $row, callable $wrong): void
{
    $wanted = [$person->nick, $person->name, $person->active ? '1' : '0'];
    $found = $row ? [$row['nick'], $row['name'], $row['active']] : null;
    if ($found !== $wanted) {
        $wrong("$person->id is " . json_encode($found, 256) . ' in the store, and must be ' . json_encode($wanted, 256));
    }
}

/** Whether a member's hash is a new one if they logged in by an older one, and untouched otherwise. */
function changed(Person $person, array $rows, array $logins, bool $is_proved, callable $wrong): void
{
    [$before, $after] = $rows;
    [$visit, $again] = $logins;
    $id = $person->id;
    $may = $visit && $person->active;
    if (($visit['where'] ?? 'out') !== ($may ? 'in' : 'out') || $again && ($again['where'] !== 'in' || !$may)) {
        $wrong("$id logged in and may not, or did not and may");
    }
    if (!$may || $person->stored === 'argon2id') {
        $before === $after || $wrong("$id has changed in the store");
        return;
    }
    $is_new = preg_match('/^(\$first8|\$noblanks)?(\$argon2id\$v=19\$m=19456,t=2,p=1\$.+)$/', $after['password'] ?? '', $hash);
    if (!$is_new) {
        $wrong("$id logged in and has no new hash");
        return;
    }
    if ($is_proved) {
        // PHP has the last word on whether it is one of the same password.
        $part = match ($hash[1]) {
            '' => $person->password,
            '$first8' => substr($person->password, 0, 8),
            '$noblanks' => str_replace(' ', '', $person->password),
        };
        password_verify($part, $hash[2]) || $wrong("$id has a new hash of another password");
    }
    unset($before['password'], $after['password']);
    $before === $after || $wrong("$id has changed in the store by more than a hash");
}

/** What a dry run says: how many rows, how many of them good, and who is refused for what. */
function dry_run(string $file): array
{
    $found = ['rows' => 0, 'good' => 0, 'active' => 0, 'cleaned' => 0, 'refused' => [], 'reasons' => []];
    foreach (file($file, FILE_IGNORE_NEW_LINES) as $line) {
        if (preg_match('/^refused: line \d+, id (\d+), column \d+ \(\w+\): (.*)$/', $line, $part)) {
            $known = array_filter(REASONS, fn ($reason) => str_contains($part[2], $reason));
            $reason = reset($known) ?: $part[2];
            $found['refused'][$part[1]][] = $reason;
            $found['reasons'][$reason] = ($found['reasons'][$reason] ?? 0) + 1;
        } elseif (preg_match('/^(\d+) rows?: (\d+) good, (\d+) refused$/', $line, $part)) {
            [$found['rows'], $found['good']] = [(int) $part[1], (int) $part[2]];
        } elseif (preg_match('/^ +(\d+)  (active|with a name that had to be (cleaned))$/', $line, $part)) {
            $found[$part[3] ?? 'active'] = (int) $part[1];
        }
    }
    return $found;
}

/** What `members check` counts, by format. */
function check(string $file): array
{
    preg_match_all('/^ +(\d+)  (.*?)(, and argon2id after the next login)?$/m', file_get_contents($file), $lines);
    return array_combine($lines[2], array_map('intval', $lines[1]));
}

/** What `members export --with-hashes` wrote, by number. */
function store(string $file): array
{
    $rows = [];
    $csv = fopen($file, 'r');
    $titles = fgetcsv($csv, null, ',', '"', '');
    while ($row = fgetcsv($csv, null, ',', '"', '')) {
        $row = array_combine($titles, $row);
        $rows[$row['id']] = $row;
    }
    return $rows;
}

/** Who came, by number. */
function visits(string $file): array
{
    $visits = [];
    foreach (file($file, FILE_IGNORE_NEW_LINES) as $line) {
        [$id, $format, $where, $ms, $slips] = explode("\t", $line);
        $visits[$id] = ['format' => $format, 'where' => $where, 'ms' => (float) $ms, 'slips' => (int) $slips];
    }
    return $visits;
}

/** All of it, for a person. */
function report(array $sites, string $times): string
{
    $came = [];
    $reasons = [];
    $logins = [];
    foreach ($sites as $site => ['dry_run' => $dry_run, 'visits' => $visits, 'again' => $again]) {
        ['rows' => $rows, 'good' => $good] = $dry_run;
        $where = array_count_values(array_column($visits, 'where')) + ['in' => 0, 'out' => 0];
        $came[] = [
            $site, $rows, $good, $rows - $good, $dry_run['cleaned'], $good - $dry_run['active'],
            $where['in'], $where['out'], array_sum(array_column($visits, 'slips')), count($again),
        ];
        foreach ($dry_run['reasons'] as $reason => $count) {
            $reasons[] = [$site, $reason, $count];
        }
        foreach ($visits as $visit) {
            $logins[$visit['where'] === 'in' ? $visit['format'] : '(refused)'][] = $visit['ms'];
        }
        foreach ($again as $visit) {
            $logins['(again, by the new hash)'][] = $visit['ms'];
        }
    }
    $formats = [];
    foreach ($sites as $site => ['checked' => [$before, $after]]) {
        foreach ($before + $after as $format => $any) {
            $formats[] = [$site, $format, $before[$format] ?? 0, $after[$format] ?? 0];
        }
    }
    ksort($logins, SORT_FLAG_CASE | SORT_STRING);
    $timed = [];
    foreach ($logins as $format => $ms) {
        $timed[] = [$format, count($ms), percentile($ms, 50), percentile($ms, 99)];
    }
    $took = array_map(fn ($line) => explode("\t", $line), file($times, FILE_IGNORE_NEW_LINES));
    $titles = ['site', 'rows', 'good', 'refused', 'names cleaned', 'not active', 'let in', 'not let in', 'mistyped before', 'let in again'];
    return table($titles, $came)
        . table(['site', 'why a row is refused', 'times'], $reasons)
        . table(['site', 'passwords stored as', 'before', 'after'], $formats)
        . table(['logins by', 'number', 'median, ms', '99th percentile, ms'], $timed)
        . table(['what took how long', 'seconds'], $took);
}

/** A table in Markdown, which can be read as it stands. */
function table(array $titles, array $rows): string
{
    $rows = array_map(fn ($row) => array_map('strval', $row), $rows);
    $widths = array_map(fn ($at) => max(array_map('strlen', array_column([$titles, ...$rows], $at))), array_keys($titles));
    $is_number = fn ($at) => $rows && is_numeric($rows[0][$at]);
    $line = fn ($row) => '| ' . implode(' | ', array_map(
        fn ($at) => str_pad($row[$at], $widths[$at], ' ', $is_number($at) ? STR_PAD_LEFT : STR_PAD_RIGHT),
        array_keys($titles),
    )) . " |\n";
    $rule = array_map(fn ($at) => str_repeat('-', $widths[$at] - 1) . ($is_number($at) ? ':' : '-'), array_keys($titles));
    return $line($titles) . $line($rule) . implode('', array_map($line, $rows)) . "\n";
}

function percentile(array $values, int $percent): string
{
    sort($values);
    return number_format($values[(int) ((count($values) - 1) * $percent / 100)], 1, '.', '');
}

function sorted(array $counts): array
{
    $counts = array_filter($counts);
    ksort($counts);
    return $counts;
}

function list_of(array $reasons): string
{
    return implode(' and ', $reasons) ?: 'is not';
}
