// A chat client in JavaScript, for browsers and for Node 22 or later. In a terminal:
//     node chat.mjs ws://localhost:8080/ 1 secret1
// logs in, shows what comes, and sends each line typed as a command: `MSG bob Hello`, `LIST`, `JOIN #tea`,
// `MSG #tea Hello`, `QUIT`.
// A page imports `connect`. Lines come and go as core/PROTOCOL.md says, one to a text message.

/** Logs in. `heard` gets each answer as `{ kind, … }` with its attributes; what it returns has `send`. */
export function connect(address, id, password, heard) {
    const socket = new WebSocket(address);
    const send = (command) => socket.send(command);
    socket.onopen = () => send(`IDENTIFY ${id} ${password}`);
    socket.onclose = () => heard({ kind: "closed" });
    // An empty message only keeps the connection open.
    socket.onmessage = ({ data }) => data !== "" && heard(parse(data));
    return { send, close: () => socket.close() };
}

/** Reads one answer: an element with attributes, and in a list or a room the elements inside. */
export function parse(text) {
    const [first, ...children] = [...text.matchAll(/<(\w+)((?:\s+\w+="[^"]*")*)/g)].map(([, kind, attributes]) => {
        const pairs = [...attributes.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, plain(value)]);
        return { ...Object.fromEntries(pairs), kind };
    });
    const people = children.filter(({ kind }) => kind === "nick");
    const rooms = children.filter(({ kind }) => kind === "room");
    switch (first?.kind) {
        case undefined: return { kind: "unknown" };
        case "nicklist": case "room": return { ...first, people };
        case "rooms": return { ...first, rooms };
        default: return first;
    }
}

function plain(value) {
    const named = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
    return value.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) =>
        hex || decimal ? String.fromCodePoint(parseInt(hex ?? decimal, hex ? 16 : 10)) : named[name] ?? whole);
}

/** Says what an answer means. `aid` is the sender of a message, `from` its recipient: a quirk of 2007. */
export const inWords = ({ kind, aid, name, time, msg, from, to, room, topic, by, reason, value, people, rooms }) => ({
    identify: `You are ${name}.`, login: `${name} is online.`, quit: `${aid} left.`, error: `Error: ${value}`,
    msg: `${time} ${aid} to ${room ?? from}: ${msg}`, action: `${time} to ${room ?? from}: ${aid} ${msg}`,
    nickchanged: `${aid} is called ${to} now.`, join: `${name} joined ${room}.`, owner: `${aid} owns ${room} now.`,
    part: by === undefined ? `${aid} left ${room}.` : `${by} removed ${aid} from ${room}: ${reason}`,
    topic: `The topic of ${room} is now: ${topic}`, room: `In ${name}: ${people?.map((who) => who.name).join(", ")}.`,
    rooms: rooms?.map((row) => `${row.name} has ${row.here} members.`).join("\n") || "There are no rooms.",
    closed: "The connection is closed.", nicklist: people?.map((person) => `${person.name} is online.`).join("\n"),
})[kind] ?? kind;

if (globalThis.process?.argv[4]) {
    const { createInterface } = await import("node:readline");
    const [address, id, password] = process.argv.slice(2);
    const chat = connect(address, id, password, (answer) => console.log(inWords(answer)));
    createInterface({ input: process.stdin }).on("line", chat.send).on("close", () => chat.send("QUIT"));
}
