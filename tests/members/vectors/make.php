<?php
// Prints hashes of known passwords: format, password in hexadecimal, what a site would store.
// With "sql" instead of a path to phpass it prints the questions to MariaDB for the same.
$passwords = [
    '', '0', 'secret1', '12345678', '123456789', 'password', ' lead and trail ', "tab\there", 'pass word',
    '%d$\'"\\`<&>;', 'R&D', '"<">', '&amp;', 'Árvíztűrő tükörfúrógép', 'Пароль', '密码🔑', "\xC1rv\xEDz", "\xFF\xFE\x80",
    str_repeat('a', 15), str_repeat('a', 16), str_repeat('b', 17), str_repeat('c', 31), str_repeat('d', 32),
    str_repeat('e', 33), str_repeat('f', 63), str_repeat('g', 64), str_repeat('h', 65), str_repeat('0123456789', 7) . '1',
    str_repeat('0123456789', 7) . '12', str_repeat('0123456789', 7) . '123', str_repeat('é', 36) . 'z',
    str_repeat('long pass phrase ', 15), str_repeat('x', 256),
];

function vector(string $format, string $password, ?string $stored): void
{
    if ($stored === null || strlen($stored) < 13) {
        fwrite(STDERR, "no $format of " . bin2hex($password) . "\n");
        exit(1);
    }
    echo $format, "\t", bin2hex($password), "\t", $stored, "\n";
}

/** What phpBB's task makes of a hash by phpass: its 22 digits are hashed, and what made them stands in front. */
function combined(string $first, string $kind, string $salt, int $cost = 4): string
{
    [$settings, $digits] = [substr($first, 3, 9), substr($first, 12)];
    $second = crypt($digits, sprintf('$%s$%02d$%s', $kind, $cost, $salt));
    return sprintf('$H\%s$%s$%02d\%s$%s', $kind, $settings, $cost, substr($second, 7, 22), substr($second, 29));
}

if ($argv[1] === 'sql') {
    foreach ($passwords as $password) {
        // MySQL has no hash of nothing: an empty password is stored as an empty text.
        if ($password === '') {
            continue;
        }
        $hex = bin2hex($password);
        echo "SELECT \"MySQL's PASSWORD()\", '$hex', PASSWORD(x'$hex');\n";
        echo "SELECT \"MySQL's OLD_PASSWORD()\", '$hex', OLD_PASSWORD(x'$hex');\n";
    }
    exit;
}

require $argv[1];
$phpass = new PasswordHash(8, true);

foreach ($passwords as $at => $password) {
    $cheap = ['memory_cost' => 64, 'time_cost' => 1 + $at % 3];
    vector('argon2id', $password, password_hash($password, PASSWORD_ARGON2ID, $cheap));
    vector('argon2i', $password, password_hash($password, PASSWORD_ARGON2I, $cheap));
    foreach (['2y', '2a', '2b'] as $kind) {
        // PHP does not write $2b$, which other programs do; it is the same as $2y$.
        $setting = '$' . ($kind === '2b' ? '2y' : $kind) . '$04$' . substr(md5("bcrypt$at$kind"), 0, 21) . 'u';
        $stored = crypt($password, $setting);
        vector('bcrypt', $password, '$' . $kind . substr($stored, 3));
    }
    $salt = substr(md5("salt$at"), 0, 1 + $at % 16);
    vector('SHA-256-crypt', $password, crypt($password, "\$5\$rounds=1000\$$salt\$"));
    vector('SHA-512-crypt', $password, crypt($password, "\$6\$rounds=1000\$$salt\$"));
    vector('SHA-256-crypt', $password, crypt($password, "\$5\$rounds=" . (1234 + $at) . "\$./saltSALT012345\$"));
    vector('SHA-512-crypt', $password, crypt($password, "\$6\$rounds=" . (1234 + $at) . "\$./saltSALT012345\$"));
    vector('MD5-crypt', $password, crypt($password, '$1$' . substr($salt, 0, 8) . '$'));
    vector('DES-crypt', $password, crypt($password, substr('./zZaA09' . $salt, $at % 7, 2)));
    vector('extended DES-crypt', $password, crypt($password, '_' . ['/...', '1...', 'J9..', 'z...'][$at % 4] . substr("./zZ$salt....", $at % 5, 4)));
    vector('phpass', $password, $phpass->crypt_private($password, '$P$5' . substr(md5("phpass$at"), 0, 8)));
    vector("phpBB's phpass", $password, $phpass->crypt_private($password, '$H$6' . substr(md5("phpbb$at"), 0, 8)));
    // What phpBB 3 hashes is what its forms give it.
    $escaped = htmlspecialchars($password, ENT_COMPAT, 'UTF-8');
    if ($escaped !== '' && $escaped !== $password) {
        vector("phpBB's phpass", $password, $phpass->crypt_private($escaped, '$H$7' . substr(md5("html$at"), 0, 8)));
    }
    // Since 3.1 it hashes with bcrypt, and has made new hashes of the old ones by it.
    $kind = $at % 3 ? '2y' : '2a';
    foreach (array_unique([$password, $escaped === '' ? $password : $escaped]) as $form => $input) {
        $salts = [substr(md5("first$at$form"), 0, 8), substr(md5("second$at$form"), 0, 21) . 'u'];
        $first = $phpass->crypt_private($input, '$H$6' . $salts[0]);
        vector("phpBB's bcrypt of phpass", $password, combined($first, $kind, $salts[1]));
        vector("phpBB's bcrypt", $password, '$phpbb' . crypt($input, "\$$kind\$04\${$salts[1]}"));
        $kinds = [PASSWORD_ARGON2ID, PASSWORD_ARGON2I];
        vector("phpBB's argon2", $password, '$phpbb' . password_hash($input, $kinds[$at % 2], $cheap));
    }
    vector('md5(password)', $password, $at % 2 ? md5($password) : strtoupper(md5($password)));
    vector('sha1(password)', $password, $at % 2 ? sha1($password) : strtoupper(sha1($password)));
    // The salts of vBulletin are any three printable characters, later thirty.
    $odd = ['x$y', '$$$', '"\'\\', ' a ', '#:,', '', 'ő', str_repeat('~!', 15)][$at % 8];
    vector('md5(salt.password)', $password, '$md5(salt.password)$' . md5($odd . $password) . '$' . $odd);
    vector('md5(md5(password).salt)', $password, '$md5(md5(password).salt)$' . md5(md5($password) . $odd) . '$' . $odd);
    if ($at % 3 === 1 && strlen($password) < 256) {
        $command = ['openssl', 'passwd', '-apr1', '-salt', substr($salt, 0, 8), '--', $password];
        $openssl = proc_open($command, [1 => ['pipe', 'w']], $pipes);
        vector('apr1', $password, trim(stream_get_contents($pipes[1])));
        proc_close($openssl);
    }
}

// What sites have by default.
vector('argon2id', 'secret1', password_hash('secret1', PASSWORD_ARGON2ID));
vector('argon2i', 'secret1', password_hash('secret1', PASSWORD_ARGON2I));
vector('bcrypt', 'secret1', password_hash('secret1', PASSWORD_BCRYPT));
vector('SHA-256-crypt', 'secret1', crypt('secret1', '$5$saltsalt$'));
vector('SHA-512-crypt', 'secret1', crypt('secret1', '$6$saltsalt$'));
vector('SHA-512-crypt', 'secret1', crypt('secret1', '$6$rounds=5000$saltsalt$'));
vector('phpass', 'secret1', $phpass->HashPassword('secret1'));
vector("phpBB's phpass", 'secret1', $phpass->crypt_private('secret1', '$H$9saltsalt'));
$second = 'abcdefghijklmnopqrstuu';
vector("phpBB's bcrypt of phpass", 'secret1', combined($phpass->crypt_private('secret1', '$H$9saltsalt'), '2y', $second, 10));
// bcrypt ends in the middle of what a character became.
foreach ([str_repeat('"', 20), str_repeat('0123456789', 7) . '&x', str_repeat('é', 35) . '<script'] as $password) {
    $escaped = htmlspecialchars($password, ENT_COMPAT, 'UTF-8');
    vector("phpBB's bcrypt", $password, '$phpbb' . crypt($escaped, "\$2y\$04\$$second"));
}
vector("phpBB's bcrypt", $password, '$phpbb' . crypt($password, "\$2y\$04\$$second"));
vector("phpBB's bcrypt", 'secret1', '$phpbb' . crypt('secret1', "\$2y\$10\$$second"));
