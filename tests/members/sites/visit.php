<?php
// Members of a made-up site log in: `php visit.php SITE COUNT PORT RESULTS [BEFORE]`, some at a time, as a Flash
// client would. Of those who may log in, every tenth of each way in which passwords are stored; of those who may not,
// and of those whom the import refused, every tenth, with the right password, too. With BEFORE, the results of
// an earlier visit, every tenth of those who were let in then.
//
// RESULTS gets a line for each: number, format, "in" or "out", milliseconds, and how often the password was mistyped
// before. Ends with 1 if one of them was not answered as they must be.

require_once __DIR__ . '/people.php';

const AT_ONCE = 4;
const FAILED = '<error value="Identification failed."/>';
/** Longer than the server holds a refusal back, or gives a lookup up. */
const PATIENCE = 15;

[, $site, $count, $port, $results] = $argv;
$visitors = isset($argv[5]) ? who_was_in($site, $argv[5]) : who_comes($site, (int) $count);
$out = fopen($results, 'w');
$wrong = [];
run($visitors, (int) $port, function (Person $person, string $where, float $seconds, int $slips) use ($out): void {
    $format = $person->refused ? 'nobody' : $person->format();
    fprintf($out, "%d\t%s\t%s\t%.3f\t%d\n", $person->id, $format, $where, $seconds * 1000, $slips);
}, $wrong);
foreach (array_slice($wrong, 0, 10) as $line) {
    fwrite(STDERR, "$site: $line\n");
}
if ($wrong) {
    fwrite(STDERR, "$site: " . count($wrong) . ' of ' . count($visitors) . " visitors were not answered as they must be\n");
}
exit($wrong ? 1 : 0);

/** A client's side of the conversation: gives commands, is sent the answer to each, and returns what came of it. */
function visit(Person $person, bool $slips): Generator
{
    // By number or by nick; who has none that a command could name, by number.
    $who = $person->id % 2 || $person->refused ? $person->id : $person->nick;
    if ($slips) {
        expect(FAILED, yield "IDENTIFY $who not {$person->password}");
    }
    $asked = microtime(true);
    $answer = yield "IDENTIFY $who {$person->password}";
    $took = microtime(true) - $asked;
    if ($person->refused || !$person->active) {
        expect(FAILED, $answer);
        return ['out', $took, (int) $slips];
    }
    [$nick, $name] = array_map('xml', [$person->nick, $person->name]);
    expect("<identify aid=\"$nick\" name=\"$name\" />", $answer);
    return ['in', $took, (int) $slips];
}

function expect(string $wanted, string $answer): void
{
    if ($answer !== $wanted) {
        throw new RuntimeException("got $answer, wanted $wanted");
    }
}

function xml(string $text): string
{
    return strtr($text, ['&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;', "'" => '&apos;']);
}

/** Every tenth of each kind. */
function who_comes(string $site, int $count): array
{
    $kinds = [];
    $visitors = [];
    foreach (people($site, $count) as $person) {
        $kind = $person->refused ? 'nobody' : ($person->active ? $person->stored : 'not active');
        $kind .= $person->is_escaped() ? ', escaped' : '';
        $seen = $kinds[$kind] ?? 0;
        $kinds[$kind] = $seen + 1;
        if ($seen % 10 === 0) {
            $visitors[] = $person;
        }
    }
    return $visitors;
}

/** Every tenth of those who were in. */
function who_was_in(string $site, string $before): array
{
    $visitors = [];
    foreach (file($before, FILE_IGNORE_NEW_LINES) as $at => $line) {
        [$id, , $where] = explode("\t", $line);
        if ($at % 10 === 0 && $where === 'in') {
            $visitors[] = new Person($site, (int) $id);
        }
    }
    return $visitors;
}

/** Has all of them visit, so many at once. Every eighth mistypes the password first. */
function run(array $visitors, int $port, callable $done, array &$wrong): void
{
    $connections = [];
    $next = 0;
    while ($next < count($visitors) || $connections) {
        while ($next < count($visitors) && count($connections) < AT_ONCE) {
            $connections[] = new Connection($port, $visitors[$next], visit($visitors[$next], $next % 8 === 3));
            $next++;
        }
        $readable = array_map(fn ($connection) => $connection->socket, $connections);
        $none = null;
        stream_select($readable, $none, $none, PATIENCE);
        foreach ($connections as $at => $connection) {
            try {
                if (isset($readable[$at]) ? $connection->read() : $connection->is_late()) {
                    $done($connection->person, ...$connection->script->getReturn());
                    unset($connections[$at]);
                }
            } catch (RuntimeException $problem) {
                $person = $connection->person;
                $wrong[] = "{$person->id} {$person->nick} ({$person->stored}): {$problem->getMessage()}";
                unset($connections[$at]);
            }
        }
    }
}

/** A socket, and who talks over it. */
final class Connection
{
    public $socket;
    private string $unread = '';
    private float $heard;

    public function __construct(int $port, public readonly Person $person, public readonly Generator $script)
    {
        $this->socket = stream_socket_client("tcp://127.0.0.1:$port", $code, $message, PATIENCE);
        stream_set_blocking($this->socket, false);
        $this->say($script->current());
    }

    /** Takes what has come; whether the conversation is over. */
    public function read(): bool
    {
        $bytes = fread($this->socket, 65536);
        if ($bytes === '' || $bytes === false) {
            throw new RuntimeException('the server hung up');
        }
        $this->unread .= $bytes;
        while (($end = strpos($this->unread, "\0")) !== false) {
            $answer = substr($this->unread, 0, $end);
            $this->unread = substr($this->unread, $end + 1);
            // Who comes and who goes is told to everyone who is in, and to who has just come.
            if (str_starts_with($answer, '<login ') || str_starts_with($answer, '<quit ')) {
                continue;
            }
            $this->script->send($answer);
            if (!$this->script->valid()) {
                fwrite($this->socket, "QUIT\0");
                return true;
            }
            $this->say($this->script->current());
        }
        return false;
    }

    public function is_late(): bool
    {
        if (microtime(true) - $this->heard > PATIENCE) {
            throw new RuntimeException('no answer');
        }
        return false;
    }

    private function say(string $command): void
    {
        fwrite($this->socket, "$command\0");
        $this->heard = microtime(true);
    }
}
