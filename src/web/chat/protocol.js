// The wire: commands out as text, one XML element in for each text message.
//
// Answers are read by the browser's own XML parser, never by patterns: names and messages come from
// others, and may hold anything.

/** How many bytes of UTF-8 the server takes in one command unless it is set up otherwise. */
export const MAX_COMMAND_BYTES = 8192;

export const command = {
    identify: (id, password) => `IDENTIFY ${id} ${password}`,
    guest: (nick) => words("GUEST", nick),
    /** From here on the server sends elements that a client of 2007 does not know. */
    hello: () => "HELLO",
    message: (target, text) => `MSG ${target} ${text}`,
    action: (target, text) => `ME ${target} ${text}`,
    list: () => "LIST",
    nick: (nick) => `NICK ${nick}`,
    join: (room, key) => words("JOIN", room, key),
    open: (room, key, hidden) => words("OPEN", room, key && `key=${key}`, hidden && "hidden"),
    part: (room) => `PART ${room}`,
    rooms: () => "ROOMS",
    who: (room) => `WHO ${room}`,
    topic: (room, text) => words("TOPIC", room, text),
    kick: (room, nick, reason) => words("KICK", room, nick, reason),
    ping: (token) => `PING ${token}`,
    quit: () => "QUIT",
};

function words(...parts) {
    return parts.filter(Boolean).join(" ");
}

/** What a text takes on the wire. */
export function bytes(text) {
    return new TextEncoder().encode(text).length;
}

/** How many bytes of a command are left for what was typed to this person or room; below zero: too many. */
export function bytesLeft(target, typed) {
    const { action, text } = understood(typed);
    return MAX_COMMAND_BYTES - bytes(action ? command.action(target, text) : command.message(target, text));
}

/** What was typed: a message, or after `/me` an action, as in "Alice waves". */
export function understood(typed) {
    const [, action] = /^\/me\s+(.+)$/is.exec(typed) ?? [];
    return { action: action !== undefined, text: action ?? typed };
}

/** What would have to be typed for this. */
export function typed({ action, text }) {
    return action ? `/me ${text}` : text;
}

/** The key of a nick or of the name of a room: equal for spellings that the server takes for the same. */
export function folded(name) {
    return name.normalize("NFC").toLowerCase().toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize("NFC");
}

/** The name of a room as the user typed it, with a `#` in front if that was left out. */
export function roomName(typed) {
    return typed.startsWith("#") ? typed : `#${typed}`;
}

/** Reads one answer; what this page does not know, or is no XML, is `null`. */
export function parse(text) {
    const document = new DOMParser().parseFromString(text, "application/xml");
    if (document.querySelector("parsererror")) {
        return null;
    }
    const element = document.documentElement;
    const read = readers[element.localName];
    return read ? { kind: element.localName, ...read(element) } : null;
}

const readers = {
    login: person,
    identify: person,
    quit: (element) => ({ nick: value(element, "aid") }),
    nicklist: (element) => ({ people: people(element) }),
    hello: (element) => ({ features: value(element, "features").split(" ") }),
    msg: (element) => ({ ...message(element), action: false }),
    action: (element) => ({ ...message(element), action: true }),
    nickchanged: (element) => ({ from: value(element, "aid"), to: value(element, "to") }),
    announce: (element) => ({ time: value(element, "time"), text: value(element, "msg") }),
    join: (element) => ({ room: value(element, "room"), ...person(element) }),
    part: (element) => ({
        room: value(element, "room"),
        nick: value(element, "aid"),
        by: element.getAttribute("by"),
        reason: value(element, "reason"),
    }),
    room: (element) => ({
        room: value(element, "name"),
        topic: value(element, "topic"),
        owner: value(element, "owner"),
        people: people(element),
        more: Number(value(element, "more")),
    }),
    topic: (element) => ({ room: value(element, "room"), nick: value(element, "aid"), text: value(element, "topic") }),
    owner: (element) => ({ room: value(element, "room"), nick: value(element, "aid") }),
    rooms: (element) => ({
        rooms: Array.from(element.children, (row) => ({
            name: value(row, "name"),
            topic: value(row, "topic"),
            here: Number(value(row, "here")),
        })),
    }),
    pong: () => ({}),
    kicked: (element) => ({ text: value(element, "reason") }),
    error: (element) => ({ text: value(element, "value") }),
};

/** To a person or to a `room`. `from` names the recipient: the wire of 2007, which Flash clients read so. */
function message(element) {
    return {
        sender: value(element, "aid"),
        recipient: value(element, "from"),
        room: element.getAttribute("room"),
        time: value(element, "time"),
        text: value(element, "msg"),
    };
}

function people(element) {
    return Array.from(element.children).filter(({ localName }) => localName === "nick").map(person);
}

function person(element) {
    const nick = value(element, "aid");
    return { nick, name: value(element, "name").trim() || nick };
}

function value(element, name) {
    return element.getAttribute(name) ?? "";
}
