// Commands that are typed where messages are: `/join #room key` and the like. `/me` is a message.

import { roomName } from "./protocol.js";

/** What each command takes; `#room` may be left out where the command is typed in that room. */
const USAGES = {
    join: "/join #room [key]",
    part: "/part [#room]",
    topic: "/topic [#room] [text]",
    kick: "/kick [#room] nick [reason]",
    who: "/who [#room]",
    rooms: "/rooms",
    nick: "/nick name",
};

/** The command in what was typed, as `{ word, rest }`, or `null`. */
export function commandOf(typed) {
    const [, word, rest = ""] = /^\/(\w+)(?:\s+(.*))?$/s.exec(typed) ?? [];
    const known = word?.toLowerCase();
    return Object.hasOwn(USAGES, known) ? { word: known, rest: rest.trim() } : null;
}

/** The feature that the server must offer for a command. */
export function featureOf({ word }) {
    return word === "nick" ? "nick" : "rooms";
}

/** The usage of a command, for the user. */
export function usageOf({ word }) {
    return USAGES[word];
}

/**
 * The parts of a command that is typed in this conversation: `{ room, nick, key, text }` as far as it takes
 * them, or `null` where one is missing.
 */
export function argumentsOf({ word, rest }, thread) {
    const [first = "", after] = firstWord(rest);
    switch (word) {
        case "rooms":
            return {};
        case "nick":
            return first === "" ? null : { nick: first };
        case "join":
            return first === "" ? null : { room: roomName(first), key: firstWord(after)[0] };
        default:
    }
    const isNamed = first.startsWith("#");
    const room = isNamed ? first : thread.isRoom ? thread.nick : null;
    const text = isNamed ? after : rest;
    if (room === null) {
        return null;
    }
    if (word === "kick") {
        const [nick, reason] = firstWord(text);
        return nick === "" ? null : { room, nick, text: reason };
    }
    return { room, text };
}

function firstWord(text) {
    const [, first, rest] = /^(\S*)\s*(.*)$/s.exec(text);
    return [first, rest];
}
