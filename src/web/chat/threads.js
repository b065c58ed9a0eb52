// What the page remembers of one person or one room.

import { folded } from "./protocol.js";

/** The number of lines kept: enough for an evening, and a page that is open for weeks stays small. */
const MAX_ITEMS = 500;
/** In a room of more people than this, joins and parts are shown only of people who have written something. */
const SMALL_ROOM = 20;

/** A private conversation or a room: its lines, and how far the user has read them. */
class Thread {
    unread = 0;
    draft = "";
    /** The first message that came while the user did not look: the "new" line is shown before it. */
    newFrom = null;
    /** Whether the user has seen all new messages: the next unseen one gets the "new" line. */
    newSeen = true;
    /** Order of the last message, among all conversations; 0 where there is none. */
    touched = 0;
    /**
     * Messages and actions `{ mine, from, action, text, time, state, id }` and notes `{ note, … }`, oldest
     * first. `from` is who wrote it, `{ nick, name }`, in a room only.
     */
    items = [];

    constructor(nick, name) {
        this.nick = nick;
        this.name = name;
    }

    get lastMessage() {
        return this.items.findLast((item) => !item.note);
    }

    add(item) {
        this.items.push(item);
        this.items.splice(0, this.items.length - MAX_ITEMS);
    }
}

/** A person, perhaps the user, and the conversation with them. */
export class Person extends Thread {
    isRoom = false;
    online = false;
}

/** A room. Its `nick` is what messages to it are addressed to. */
export class Room extends Thread {
    isRoom = true;
    /** `in`, `lost` (to be joined again with the next connection) or `out`. */
    state = "lost";
    /** The way in, as far as the user gave it here. It stays in memory. */
    key = "";
    isKeyed = false;
    isHidden = false;
    topic = "";
    owner = "";
    /** By nick, those who have been there longest first. */
    members = new Map();
    /** How many more there are, in a crowd that the server did not list. */
    more = 0;

    constructor(name) {
        super(name, name);
    }

    get online() {
        return this.state === "in";
    }

    get count() {
        return this.members.size + this.more;
    }

    /** Takes the state that the server sends to a newcomer. */
    enter({ room, topic, owner, people, more }) {
        this.nick = this.name = room;
        this.state = "in";
        this.topic = topic;
        this.owner = owner;
        this.members = new Map(people.map((person) => [person.nick, person]));
        this.more = more;
    }

    leave() {
        this.state = "out";
        this.members.clear();
        this.more = 0;
    }

    came(person) {
        this.members.set(person.nick, person);
        this.#moved(person, "came", "went");
    }

    /** Returns the person. Of one who was not listed, only the nick is known. */
    gone(nick) {
        const person = this.members.get(nick) ?? { nick, name: nick };
        if (!this.members.delete(nick)) {
            this.more = Math.max(0, this.more - 1);
        }
        return person;
    }

    /** Notes that a person left by themselves. */
    went(person) {
        this.#moved(person, "went", "came");
    }

    /** Whether it is worth a note when this person comes or goes. */
    isNoted(nick) {
        return this.count <= SMALL_ROOM || this.items.some(({ from }) => from?.nick === nick);
    }

    /** One note for all who come and go in a row; of one who does both, nothing. */
    #moved({ nick, name }, way, back) {
        if (!this.isNoted(nick)) {
            return;
        }
        let note = this.#lately("moved");
        if (!note) {
            note = { note: "moved", came: [], went: [] };
            this.add(note);
        }
        const undone = note[back].findIndex((other) => other.nick === nick);
        if (undone >= 0) {
            note[back].splice(undone, 1);
        } else {
            note[way].push({ nick, name });
        }
        if (note.came.length + note.went.length === 0) {
            this.items.splice(this.items.lastIndexOf(note), 1);
        }
    }

    /** The note of this kind since anything was said, if there is one. */
    #lately(kind) {
        const said = this.items.findLastIndex(({ note }) => note !== "moved" && note !== "owner");
        return this.items.slice(said + 1).find(({ note }) => note === kind);
    }

    /** Notes who owns the room now; where owners leave in a row, only the last. */
    newOwner(who) {
        const before = this.#lately("owner");
        if (before) {
            this.items.splice(this.items.lastIndexOf(before), 1);
        }
        this.add({ note: "owner", who });
    }

    /**
     * A person has another nick, and keeps their place and their lines. Returns what they were called, if they are
     * here and the change is worth a note.
     */
    renamed(from, to, name) {
        const person = this.members.get(from);
        if (person) {
            this.members = new Map([...this.members].map(([nick, other]) =>
                nick === from ? [to, { nick: to, name: name ?? other.name }] : [nick, other]));
        }
        if (this.owner === from) {
            this.owner = to;
        }
        for (const { from: sender } of this.items) {
            if (sender?.nick === from) {
                Object.assign(sender, { nick: to, name: name ?? sender.name });
            }
        }
        return person && this.isNoted(to) ? person.name : null;
    }
}

/** The user's rooms, in the order in which they joined them. */
export class Rooms {
    #rooms = new Map();

    get(name) {
        return this.#rooms.get(folded(name));
    }

    all() {
        return [...this.#rooms.values()];
    }

    know(name) {
        const room = this.get(name) ?? new Room(name);
        this.#rooms.set(folded(name), room);
        return room;
    }

    /** The next time it is the last one that was joined. */
    remove(room) {
        this.#rooms.delete(folded(room.nick));
    }

    clear() {
        this.#rooms.clear();
    }
}
