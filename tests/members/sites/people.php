<?php
// Who the members of the two made-up sites are. All of it follows from the site and the number, so that
// whoever makes a dump, logs in or looks at a store knows the same members without asking anybody.
//
//   phpbb     a forum on phpBB 3, in UTF-8, with the hashes of its years
//   members   a site that somebody wrote in 2003 and kept until 2020, in Latin-1, with the hashes of all years

/** How passwords are stored: of every 200 members of a site, so many in each way. */
const MIX = [
    'phpbb' => ['$H$' => 122, '$H\\2y$' => 20, '$H\\2a$' => 2, 'phpBB $2y$' => 14, 'phpBB argon2id' => 4, 'md5' => 38],
    'members' => [
        'argon2id' => 2, 'argon2i' => 1, '$2y$' => 2, '$2a$' => 1, '$2b$' => 1, '$5$' => 8, '$6$' => 15,
        '$1$' => 20, 'apr1' => 8, 'DES' => 16, 'extended DES' => 4, '$P$' => 20, 'md5, unsalted' => 40,
        'sha1' => 20, 'md5, salted' => 22, 'PASSWORD()' => 12, 'OLD_PASSWORD()' => 8,
    ],
];

/** What `flashgate members check` calls them. Without a salt, md5(salt.password) is md5(password). */
const FORMATS = [
    'argon2id' => 'argon2id', 'argon2i' => 'argon2i', '$2y$' => 'bcrypt', '$2a$' => 'bcrypt', '$2b$' => 'bcrypt',
    '$5$' => 'SHA-256-crypt', '$6$' => 'SHA-512-crypt', '$1$' => 'MD5-crypt', 'apr1' => 'apr1',
    'DES' => 'DES-crypt', 'extended DES' => 'extended DES-crypt', '$P$' => 'phpass', '$H$' => "phpBB's phpass",
    '$H\\2y$' => "phpBB's bcrypt of phpass", '$H\\2a$' => "phpBB's bcrypt of phpass",
    'phpBB $2y$' => "phpBB's bcrypt", 'phpBB argon2id' => "phpBB's argon2",
    'md5' => 'md5(password)', 'md5, unsalted' => 'md5(salt.password)', 'md5, salted' => 'md5(salt.password)',
    'sha1' => 'sha1(password)', 'PASSWORD()' => "MySQL's PASSWORD()", 'OLD_PASSWORD()' => "MySQL's OLD_PASSWORD()",
];

/** Why an import refuses a row: the words of its report. */
const SPACE = 'contains white space';
const DIGITS = 'is all digits';
const LONG = 'is longer than 32 characters';
const CLASH = 'already (letter case does not count)';
const NO_HASH = 'is empty';
const CUT_HASH = 'begins like bcrypt but is none';
const REASONS = [SPACE, DIGITS, LONG, CLASH, NO_HASH, CUT_HASH];

/** A member, as the site knows them. */
final class Person
{
    public string $nick;
    /** What is shown, once it has come in. */
    public string $name;
    /** What the site has in its column of names. */
    public string $realname;
    public string $password;
    /** A key of MIX, '' for no password at all, or 'cut' for a hash that its column was too short for. */
    public string $stored;
    public bool $active = true;
    /** Why an import refuses this member; nothing if it does not. */
    public array $refused = [];

    public function __construct(public readonly string $site, public readonly int $id)
    {
        $this->nick = nick($site, $id);
        $this->password = password($site, $id);
        $this->stored = mix($site)[$id * 77 % 200];
        if ($site === 'phpbb') {
            $this->on_phpbb();
            $this->realname = $this->nick;
            $this->name = $this->nick;
        } else {
            $this->realname = realname($id);
            $this->name = $this->realname;
            $this->on_members();
        }
    }

    /** phpBB counts a guest and the robots of search engines among its users. */
    private function on_phpbb(): void
    {
        $fate = roll($this->site, $this->id, 'fate', 1000);
        if ($this->id === 1 || isset(ROBOTS[$this->id - 3])) {
            $this->nick = $this->id === 1 ? 'Anonymous' : ROBOTS[$this->id - 3];
            $this->stored = '';
            $this->refused = $this->id === 1 ? [NO_HASH] : [SPACE, NO_HASH];
        } elseif ($this->id === 2) {
            $this->nick = 'Founder';
        } elseif ($fate < 25) {
            $this->nick = str_replace('_', ' ', "The_{$this->nick}");
            $this->refused = [SPACE];
        } elseif ($fate < 30) {
            $this->nick = (string) (19000000 + $this->id);
            $this->refused = [DIGITS];
        } elseif ($fate < 33) {
            $this->nick = "xXx-{$this->nick}-the-one-and-only-xXx-forever";
            $this->refused = [LONG];
        } elseif ($fate < 90) {
            $this->active = false;
        }
    }

    /** What had no rules for 17 years. */
    private function on_members(): void
    {
        $fate = roll($this->site, $this->id, 'fate', 1000);
        if ($fate < 20) {
            $this->nick = str_replace('_', ' ', "{$this->nick} (2)");
            $this->refused = [SPACE];
        } elseif ($fate < 25 && $this->id > 1 && is_ordinary($this->site, $this->id - 1)) {
            $other = nick($this->site, $this->id - 1);
            $this->nick = strtolower($other) === $other ? strtoupper($other) : strtolower($other);
            $this->refused = [CLASH];
        } elseif ($fate < 28) {
            $this->stored = '';
            $this->refused = [NO_HASH];
        } elseif ($fate < 32) {
            $this->stored = 'cut';
            $this->refused = [CUT_HASH];
        } elseif ($fate < 36) {
            [$first, $last] = explode(' ', $this->realname, 2);
            $this->realname = " $first\r\n\t$last ";
        } elseif ($fate < 40) {
            $this->realname = '';
            $this->name = $this->nick;
        } elseif ($fate < 80) {
            $this->active = false;
        }
    }

    /** Whether the password is another one once a form of phpBB's has escaped it for HTML. */
    public function is_escaped(): bool
    {
        return $this->site === 'phpbb' && escaped($this->password) !== $this->password;
    }

    /** What `members check` calls the way in which the password is stored. */
    public function format(): string
    {
        return FORMATS[$this->stored];
    }
}

/** Every member of a site with so many, by number. */
function people(string $site, int $count): Generator
{
    for ($id = 1; $id <= $count; $id++) {
        yield $id => new Person($site, $id);
    }
}

/** What phpBB's forms make of what is typed. */
function escaped(string $typed): string
{
    return htmlspecialchars($typed, ENT_COMPAT, 'UTF-8');
}

/** A number below another that looks like chance, and is the same every time. */
function roll(string $site, int $id, string $about, int $below): int
{
    return hexdec(substr(md5("$site $id $about"), 0, 8)) % $below;
}

function one_of(array $all, string $site, int $id, string $about): string
{
    return $all[roll($site, $id, $about, count($all))];
}

/** Whether nothing happens to a member of the second site that could touch the nick. */
function is_ordinary(string $site, int $id): bool
{
    return roll($site, $id, 'fate', 1000) >= 40;
}

/** Unlike all others by its number. */
function nick(string $site, int $id): string
{
    $nicks = $site === 'phpbb' ? array_merge(LATIN_NICKS, PHPBB_NICKS) : LATIN_NICKS;
    return one_of($nicks, $site, $id, 'nick') . one_of(['', '_', '-', '.'], $site, $id, 'joint') . $id;
}

function realname(int $id): string
{
    return one_of(FIRST_NAMES, 'members', $id, 'first') . ' ' . one_of(LAST_NAMES, 'members', $id, 'last');
}

/** What people choose, and then the number. */
function password(string $site, int $id): string
{
    $passwords = $site === 'phpbb' ? array_merge(PASSWORDS, PHPBB_PASSWORDS) : PASSWORDS;
    return one_of($passwords, $site, $id, 'password') . $id;
}

/** The ways of 200 members, one after the other. */
function mix(string $site): array
{
    static $mixes = [];
    return $mixes[$site] ??= array_merge(...array_map(
        fn ($stored, $count) => array_fill(0, $count, $stored),
        array_keys(MIX[$site]),
        MIX[$site],
    ));
}

const LATIN_NICKS = [
    'alice', 'Bob', 'carol', 'Péter', 'Zoé', 'Jürgen', 'Señor', 'Søren', 'bjørk', 'François', 'DarkLord', 'sunny',
    'Ångström', 'pixel', 'Groß', 'MÉLANIE', 'neo', 'xX', 'Lázár', 'flash-fan', "O'Hara", 'me@home', '[clan]Max',
];
const PHPBB_NICKS = ['Őrült', 'Tom&Jerry', '<hacker>', '"Q"', 'Иван', '小明', 'Łukasz', 'Ελένη', '🦊'];
const ROBOTS = [
    'AdsBot [Google]', 'Alexa [Bot]', 'Baidu [Spider]', 'Exabot [Bot]', 'Google [Bot]', 'Majestic-12 [Bot]',
    'MSN [Bot]', 'W3C [Validator]', 'Yahoo [Bot]', 'YaCy [Bot]',
];
const FIRST_NAMES = ['Alice', 'Béla', 'Chloë', 'Dagný', 'Émile', 'François', 'Günther', 'Íñigo', 'Jörg', 'Zsófia', 'Anne & Paul'];
const LAST_NAMES = [
    'Smith', 'Müller', "O'Brien", 'Kovács', 'Åkesson', 'Peña y Díaz', '"Ace" Løvås', 'Nuñez <x@example.com>', 'Žižek', 'von Groß – €',
];
const PASSWORDS = ['secret', 'Flash4ever-', 'open sesame ', "it's me", '$1$not-a-hash$', '100%', 'back\\slash', 'ba', 'p"q'];
const PHPBB_PASSWORDS = ['R&D', '<table>', 'jelszó', 'Пароль', '密码'];
