<?php
// What a site has stored of a password, made by what sites made it with: PHP's own functions at their costs,
// OpenSSL, and MariaDB itself, which is given the question for the hash.

require_once __DIR__ . '/people.php';

/** SQL for what is in the column of passwords, and what is in that of salts. `$apr1` is OpenSSL's answer, if asked. */
function stored(Person $person, ?string $apr1): array
{
    $password = $person->password;
    // As long as any salt is; the same every time.
    $salt = strtr(base64_encode(md5("salt of {$person->site} {$person->id}", true)), '+=', './');
    // phpBB's forms escape what is typed, passwords too.
    $escaped = escaped($password);
    $hash = match ($person->stored) {
        // PHP chooses the salts of these.
        'argon2id' => password_hash($password, PASSWORD_ARGON2ID),
        'argon2i' => password_hash($password, PASSWORD_ARGON2I),
        '$2y$', '$2a$' => bcrypt($password, $person->stored, $salt),
        // Other programs write $2b$ for what PHP calls $2y$.
        '$2b$' => '$2b$' . substr(bcrypt($password, '$2y$', $salt), 4),
        '$5$', '$6$' => crypt($password, $person->stored . substr($salt, 0, 16) . '$'),
        '$1$' => crypt($password, '$1$' . substr($salt, 0, 8) . '$'),
        'apr1' => $apr1,
        'DES' => crypt($password, substr($salt, 0, 2)),
        // BSDi's 725 rounds.
        'extended DES' => crypt($password, '_J9..' . substr($salt, 0, 4)),
        // WordPress has 2^13 rounds, phpBB 2^11.
        '$P$' => phpass($password, '$P$B', 13, substr($salt, 0, 8)),
        '$H$' => phpass($escaped, '$H$9', 11, substr($salt, 0, 8)),
        '$H\\2y$', '$H\\2a$' => again(phpass($escaped, '$H$9', 11, substr($salt, 0, 8)), substr($person->stored, 3, 2), strrev($salt)),
        'phpBB $2y$' => bcrypt($escaped, '$2y$', $salt),
        'phpBB argon2id' => password_hash($escaped, PASSWORD_ARGON2ID),
        'md5', 'md5, unsalted' => md5($password),
        'md5, salted' => md5(substr($salt, 0, 6) . $password),
        'sha1' => sha1($password),
        'cut' => substr('$2y$10$' . $salt . $salt . $salt, 0, 50),
        '' => '',
        'PASSWORD()', 'OLD_PASSWORD()' => null,
    };
    // Until MySQL 4.1 brought the new one, PASSWORD() was what is called OLD_PASSWORD() since then.
    $sql = $hash === null ? str_replace('()', '(' . quoted($password) . ')', $person->stored) : quoted($hash);
    return [$sql, $person->stored === 'md5, salted' ? substr($salt, 0, 6) : ''];
}

/** What OpenSSL makes of the passwords of all who need it, by number; it chooses the salts. */
function apr1(iterable $people): array
{
    $passwords = [];
    foreach ($people as $id => $person) {
        if ($person->stored === 'apr1') {
            $passwords[$id] = $person->password;
        }
    }
    $file = tmpfile();
    fwrite($file, implode("\n", $passwords));
    rewind($file);
    $openssl = proc_open(['openssl', 'passwd', '-apr1', '-stdin'], [$file, ['pipe', 'w']], $pipes);
    $hashes = explode("\n", trim(stream_get_contents($pipes[1])));
    proc_close($openssl);
    return $passwords ? array_combine(array_keys($passwords), $hashes) : [];
}

function bcrypt(string $password, string $prefix, string $salt): string
{
    return crypt($password, $prefix . '10$' . str_replace('+', '.', substr($salt, 0, 21)) . 'u');
}

/** What phpBB's own task makes of an old hash: bcrypt of its digits, behind the settings of both. */
function again(string $phpass, string $kind, string $salt): string
{
    $second = bcrypt(substr($phpass, 12), "$$kind$", $salt);
    return "\$H\\$kind$" . substr($phpass, 3, 9) . '$10\\' . substr($second, 7, 22) . '$' . substr($second, 29);
}

/** The portable hash of phpass: MD5 over and over, written in its own 64 digits. */
function phpass(string $password, string $prefix, int $log2, string $salt): string
{
    $digits = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
    $hash = md5($salt . $password, true);
    for ($round = 1 << $log2; $round; $round--) {
        $hash = md5($hash . $password, true);
    }
    $text = '';
    for ($at = 0; $at < 16; $at += 3) {
        $left = min(3, 16 - $at);
        $value = 0;
        for ($byte = 0; $byte < $left; $byte++) {
            $value |= ord($hash[$at + $byte]) << 8 * $byte;
        }
        for ($digit = 0; $digit <= $left; $digit++) {
            $text .= $digits[$value >> 6 * $digit & 63];
        }
    }
    return $prefix . $salt . $text;
}

/** A text for SQL. */
function quoted(string $text): string
{
    return "'" . strtr($text, ['\\' => '\\\\', "'" => "\\'", "\n" => '\\n', "\r" => '\\r', "\t" => '\\t']) . "'";
}
