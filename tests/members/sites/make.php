<?php
// Prints a share of a made-up site as SQL: `php make.php SITE COUNT SHARE SHARES`. A process makes hashes on one
// core, so the caller starts one for each.

require_once __DIR__ . '/hashes.php';

[, $site, $count, $share, $shares] = $argv;
for ($from = 1; $from <= $count; $from += 500) {
    if (intdiv($from, 500) % $shares === (int) $share) {
        $people = [];
        for ($id = $from; $id < $from + 500 && $id <= $count; $id++) {
            $people[$id] = new Person($site, $id);
        }
        echo $site === 'phpbb' ? phpbb($people) : members($people);
    }
}

function phpbb(array $people): string
{
    $users = [];
    $posts = [];
    foreach ($people as $id => $person) {
        [$password] = stored($person, null);
        $type = $person->stored === '' ? 2 : ($id === 2 ? 3 : ($person->active ? 0 : 1));
        $joined = 1184064842 + 5000 * $id;
        $nick = quoted(escaped($person->nick));
        $users[] = "($id, $type, " . ($type === 2 ? 6 : 2) . ", 'zik0zj\\\\n\\0', '192.0.2." . $id % 256 . "', $joined, "
            . "$nick, CONCAT(LOWER($nick), '/$id'), $password, $joined, 'user$id@example.com', '29- 2-1980', "
            . ($joined + 86400) . ', ' . $id % 97 . ", 'hu', 1.00, 'AA0000', '', "
            . quoted("I said: \"$id\"; -- and\n'no'\\") . ", 'http://www.example.com/?a=1&amp;b=$id', "
            . ($type === 1 ? 1 : 0) . ')';
        if ($id % 2) {
            $posts[] = "($id, $joined, 'Re: it''s -- over', "
                . quoted("INSERT INTO `phpbb_users` VALUES ($id,'x');\nWho {$person->realname} was, /* and why */") . ')';
        }
    }
    return insert('phpbb_users (user_id, user_type, group_id, user_permissions, user_ip, user_regdate, username, '
        . 'username_clean, user_password, user_passchg, user_email, user_birthday, user_lastvisit, user_posts, '
        . 'user_lang, user_timezone, user_colour, user_avatar, user_sig, user_website, user_inactive_reason)', $users)
        . insert('phpbb_posts (poster_id, post_time, post_subject, post_text)', $posts);
}

function members(array $people): string
{
    $apr1 = apr1($people);
    $members = [];
    foreach ($people as $id => $person) {
        [$password, $salt] = stored($person, $apr1[$id] ?? null);
        $salt = $salt === '' ? ['NULL', "''"][$id % 2] : quoted($salt);
        $members[] = "($id, " . quoted($person->nick) . ', ' . quoted($person->realname) . ", $password, $salt, "
            . "'user$id@example.com', '" . (2003 + $id % 18) . "-05-17', " . ($person->active ? 1 : 0) . ', ' . $id % 97 . ')';
    }
    return insert('members (id, username, realname, pass, salt, email, joined, enabled, visits)', $members);
}

function insert(string $into, array $rows): string
{
    return $rows ? "INSERT INTO $into VALUES\n" . implode(",\n", $rows) . ";\n" : '';
}
