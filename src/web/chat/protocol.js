// The wire: commands out as text, one XML element in for each text message.
//
// Answers are read by the browser's own XML parser, never by patterns: names and messages come from
// others, and may hold anything.

/** How many bytes of UTF-8 the server takes in one command unless it is set up otherwise. */
export const MAX_COMMAND_BYTES = 8192;

export const command = {
    identify: (id, password) => `IDENTIFY ${id} ${password}`,
    message: (nick, text) => `MSG ${nick} ${text}`,
    list: () => "LIST",
    ping: (token) => `PING ${token}`,
    quit: () => "QUIT",
};

/** What a text takes on the wire. */
export function bytes(text) {
    return new TextEncoder().encode(text).length;
}

/** How many bytes of a command are left for a message to this person; below zero: too many. */
export function bytesLeft(nick, text) {
    return MAX_COMMAND_BYTES - bytes(command.message(nick, text));
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
    // `from` names the recipient: the wire of 2007, which Flash clients read so.
    msg: (element) => ({
        sender: value(element, "aid"),
        recipient: value(element, "from"),
        time: value(element, "time"),
        text: value(element, "msg"),
    }),
    pong: () => ({}),
    error: (element) => ({ text: value(element, "value") }),
};

function person(element) {
    const nick = value(element, "aid");
    return { nick, name: value(element, "name").trim() || nick };
}

function value(element, name) {
    return element.getAttribute(name) ?? "";
}
