// The wire: commands out as text, one XML element in for each text message.
//
// Answers are read by the browser's own XML parser, never by patterns: names and messages come from
// others, and may hold anything.

/** How many bytes of UTF-8 the server takes in one command unless it is set up otherwise. */
export const MAX_COMMAND_BYTES = 8192;

export const command = {
    identify: (id, password) => `IDENTIFY ${id} ${password}`,
    /** From here on the server sends elements that a client of 2007 does not know. */
    hello: () => "HELLO",
    message: (nick, text) => `MSG ${nick} ${text}`,
    action: (nick, text) => `ME ${nick} ${text}`,
    list: () => "LIST",
    ping: (token) => `PING ${token}`,
    quit: () => "QUIT",
};

/** What a text takes on the wire. */
export function bytes(text) {
    return new TextEncoder().encode(text).length;
}

/** How many bytes of a command are left for what was typed to this person; below zero: too many. */
export function bytesLeft(nick, typed) {
    const { action, text } = understood(typed);
    return MAX_COMMAND_BYTES - bytes(action ? command.action(nick, text) : command.message(nick, text));
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
    nicklist: (element) => ({ people: Array.from(element.children, person) }),
    hello: () => ({}),
    msg: (element) => ({ ...message(element), action: false }),
    action: (element) => ({ ...message(element), action: true }),
    pong: () => ({}),
    kicked: (element) => ({ text: value(element, "reason") }),
    error: (element) => ({ text: value(element, "value") }),
};

/** `from` names the recipient: the wire of 2007, which Flash clients read so. */
function message(element) {
    return {
        sender: value(element, "aid"),
        recipient: value(element, "from"),
        time: value(element, "time"),
        text: value(element, "msg"),
    };
}

function person(element) {
    const nick = value(element, "aid");
    return { nick, name: value(element, "name").trim() || nick };
}

function value(element, name) {
    return element.getAttribute(name) ?? "";
}
