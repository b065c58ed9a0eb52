// The user's rooms: what the server says about them, and what the user does in them.

import { argumentsOf, featureOf, usageOf } from "./commands.js";
import { announce, isolated } from "./dom.js";
import { explain } from "./errors.js";
import { offers } from "./features.js";
import { spoken } from "./lines.js";
import { command } from "./protocol.js";
import { say } from "./words.js";

/** People who come and go within this many milliseconds are announced together. */
const TOGETHER = 500;
/** More of them than this are counted, not named. */
const MAX_NAMES = 3;
/** The number of people that the answer to `/who` names. */
const MAX_LISTED = 50;
/** Errors that mean a missing or wrong key. For a hidden room the server says that there is none. */
const ABOUT_KEY = ["Wrong key.", "No such room."];

export class Lobby {
    #conversations;
    #session;
    #screen;
    #moves = new Map();
    #timer = 0;

    /**
     * `screen` has `open(nick)`, `close(room)`, `draw()`, `isSeen(room)`, `directory()` and `kicked(room, text)`.
     */
    constructor(conversations, session, screen) {
        this.#conversations = conversations;
        this.#session = session;
        this.#screen = screen;
    }

    // What the server says.

    handlers = {
        room: (event) => {
            const { about } = event;
            const known = this.#conversations.rooms.get(event.room);
            const isFromOutside = about?.kind === "who" && !about.isIn && !known?.online;
            if (!isFromOutside) {
                this.#conversations.rooms.know(event.room).enter(event);
                this.#screen.draw();
            }
        },
        join: ({ room: name, nick, name: called }) => {
            const room = this.#joined(name);
            if (room && nick !== this.#me) {
                room.came({ nick, name: called });
                this.#tellMoved(room, nick, spoken("joinedRoom", { name: called }));
                this.#screen.draw();
            }
        },
        part: (event) => {
            const room = this.#joined(event.room);
            if (room) {
                this.#parted(room, event);
                this.#screen.draw();
            }
        },
        topic: ({ room: name, nick, text }) => {
            const room = this.#joined(name);
            if (room) {
                room.topic = text;
                const who = nameIn(room, nick);
                this.#conversations.note(room, { note: "topic", who, text });
                this.#screen.draw();
            }
        },
        owner: ({ room: name, nick }) => {
            const room = this.#joined(name);
            if (room) {
                room.owner = nick;
                room.newOwner(nick === this.#me ? null : nameIn(room, nick));
                this.#screen.draw();
            }
        },
    };

    get #me() {
        return this.#conversations.me.nick;
    }

    #joined(name) {
        const room = this.#conversations.rooms.get(name);
        return room?.online ? room : null;
    }

    #parted(room, { nick, by, reason }) {
        const who = by === null ? "" : nameIn(room, by);
        if (nick === this.#me) {
            room.leave();
            room.why = "";
            if (by !== null) {
                this.#conversations.note(room, { note: "kickedMe", by: who, reason });
                const why = reason === "" ? "" : ` ${spoken("reason", { reason })}`;
                room.why = spoken("kickedMe", { by: who }) + why;
                this.#screen.kicked(room, `${isolated(room.name)}: ${room.why}`);
            }
            return;
        }
        const person = room.gone(nick);
        if (by === null) {
            room.went(person);
            this.#tellMoved(room, nick, spoken("leftRoom", { name: person.name }));
        } else {
            this.#conversations.note(room, { note: "kicked", who: person.name, by: who, reason });
        }
    }

    /** Tells a screen reader who comes and goes in the open room, as far as the room notes it. */
    #tellMoved(room, nick, text) {
        if (!this.#screen.isSeen(room) || !room.isNoted(nick)) {
            return;
        }
        this.#moves.set(nick, text);
        this.#timer ||= setTimeout(() => {
            this.#timer = 0;
            const texts = [...this.#moves.values()];
            this.#moves.clear();
            (texts.length > MAX_NAMES ? [say("manyChanges", { n: texts.length })] : texts).forEach(announce);
        }, TOGETHER);
    }

    // What the user does. An error of the server rejects with `Refused`.

    /** After a login: back into the rooms of before, one after the other, in their order. */
    async rejoin() {
        for (const room of this.#conversations.rooms.all().filter(({ state }) => state === "lost")) {
            try {
                await this.#enter(room.nick, room);
            } catch (error) {
                if (error.text === null) {
                    return;
                }
                room.leave();
                room.why = explain(error);
                room.isKeyed ||= ABOUT_KEY.includes(error.text);
                announce(`${isolated(room.name)}: ${room.why}`);
            }
            this.#screen.draw();
        }
    }

    async #enter(name, { key, isHidden }) {
        if (isHidden) {
            // If the hidden room is gone, JOIN would create it again, visible to everybody.
            try {
                return await this.#session.request(command.open(name, key, true), { kind: "join" });
            } catch (error) {
                if (error.text !== "Room exists already.") {
                    throw error;
                }
            }
        }
        try {
            return await this.#session.request(command.join(name, key), { kind: "join" });
        } catch (error) {
            if (error.text !== "You are in that room already.") {
                throw error;
            }
            return this.#session.request(command.who(name), { kind: "who", isIn: true });
        }
    }

    async join(name, key) {
        const known = this.#conversations.rooms.get(name);
        if (!known?.online) {
            const way = key || known?.key || "";
            try {
                await this.#enter(name, { key: way, isHidden: known?.isHidden });
            } catch (error) {
                if (known && ABOUT_KEY.includes(error.text)) {
                    known.isKeyed = true;
                }
                throw error;
            }
            Object.assign(this.#conversations.rooms.get(name), { key: way, isKeyed: way !== "", why: "" });
        }
        this.#screen.open(name);
    }

    async create(name, key, isHidden) {
        await this.#session.request(command.open(name, key, isHidden), { kind: "join" });
        Object.assign(this.#conversations.rooms.get(name), { key, isKeyed: key !== "", isHidden, why: "" });
        this.#screen.open(name);
    }

    async leave(room) {
        if (room.online && this.#session.state === "online") {
            try {
                await this.#session.request(command.part(room.nick), { kind: "part" });
            } catch (error) {
                if (error.text !== null && room.online) {
                    throw error;
                }
            }
        }
        this.forget(room);
    }

    /** Takes a room that the user is not in, and what was said there, off the list. */
    forget(room) {
        this.#conversations.rooms.remove(room);
        this.#screen.close(room);
    }

    // These methods take the name of a room.

    /** The rooms of the server, as `{ name, topic, here }`. */
    list() {
        return this.#session.request(command.rooms(), { kind: "rooms" });
    }

    setTopic(room, text) {
        // A topic has one line.
        return this.#session.request(command.topic(room, text.trim().replaceAll(/\s+/g, " ")), { kind: "topic" });
    }

    kick(room, nick, reason) {
        return this.#session.request(command.kick(room, nick, reason), { kind: "kick" });
    }

    changeNick(nick) {
        return this.#session.request(command.nick(nick), { kind: "nick", nick });
    }

    async #who(room, thread) {
        const { room: name, owner, people, more } = await this.#session.request(command.who(room), { kind: "who" });
        const listed = people.slice(0, MAX_LISTED).map((person) =>
            isolated(person.name) + (person.nick === owner ? ` (${say("owner")})` : ""));
        const n = people.length - listed.length + more;
        const rest = n > 0 ? [say("moreMembers", { n })] : [];
        const text = say("whoAnswer", { room: isolated(name), people: [...listed, ...rest].join(", ") });
        this.#conversations.note(thread, { note: "plain", text });
        this.#screen.draw();
    }

    /** Carries out a command typed in a conversation; rejects with an error to show. */
    async run(thread, typed) {
        if (!offers(featureOf(typed))) {
            throw new Error(say("notOffered"));
        }
        const parts = argumentsOf(typed, thread);
        if (parts === null) {
            throw new Error(say("usage", { usage: usageOf(typed) }));
        }
        const { room, key, nick, text } = parts;
        const acts = {
            join: () => this.join(room, key),
            part: () => this.#leaveByName(room),
            topic: () => this.setTopic(room, text),
            kick: () => this.kick(room, nick, text),
            who: () => this.#who(room, thread),
            rooms: () => this.#screen.directory(),
            nick: () => this.changeNick(nick),
        };
        try {
            await acts[typed.word]();
        } catch (error) {
            throw new Error(explain(error), { cause: error });
        }
    }

    async #leaveByName(name) {
        const room = this.#conversations.rooms.get(name);
        if (room) {
            await this.leave(room);
        } else {
            await this.#session.request(command.part(name), { kind: "part" });
        }
    }
}

/** What a member of a room is called. */
function nameIn(room, nick) {
    return room.members.get(nick)?.name ?? nick;
}
