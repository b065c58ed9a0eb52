// People, rooms and messages: the page's memory, bounded, without any markup.

import { Person, Rooms } from "./threads.js";

/** What is kept over a reload has to share the browser's few megabytes for a site. */
const MAX_STORED_ITEMS = 100;
const MAX_STORED_TALKS = 30;
const STORE = "flashgate.talks";

/** Keeps a value for this tab, over a reload; `null` forgets it. */
export function keep(name, value) {
    try {
        sessionStorage.setItem(name, JSON.stringify(value));
    } catch {
        // Full, or switched off by the user: the page works without.
    }
}

/** What was kept, or `null`. */
export function kept(name) {
    try {
        return JSON.parse(sessionStorage.getItem(name));
    } catch {
        return null;
    }
}

export class Conversations {
    me = null;
    /** The nick or room whose conversation is open; it is never dropped. */
    open = null;
    rooms = new Rooms();
    #people = new Map();
    #clock = 0;
    #nextId = 1;
    /** Since the connection was lost: where that is noted, if anywhere. */
    #outage = null;
    /** People who were online before an outage, and not when it was over. */
    #missing = new Set();

    /** Sets the user of the page. The conversations of another user are forgotten. */
    become(me) {
        if (this.me?.nick !== me.nick) {
            this.#clear();
            this.#restore(me.nick);
        }
        this.me = me;
    }

    /** Forgets everything, here and in the browser's storage. */
    forget() {
        this.me = null;
        this.#clear();
        keep(STORE, null);
    }

    #clear() {
        this.open = null;
        this.rooms.clear();
        this.#people.clear();
        this.#outage = null;
        this.#missing.clear();
    }

    /** A person or, by its name, a room. */
    get(nick) {
        return nick?.startsWith("#") ? this.rooms.get(nick) : this.#people.get(nick);
    }

    /** All people who are online or have a conversation. */
    all() {
        return [...this.#people.values()];
    }

    unread() {
        return this.#threads().reduce((sum, { unread }) => sum + unread, 0);
    }

    #threads() {
        return [...this.all(), ...this.rooms.all()];
    }

    /** The connection is lost: noted once, in the conversation that is on the screen. */
    disconnected() {
        if (this.#outage === null && this.me) {
            this.#outage = { person: this.get(this.open) };
            this.#connection("lost");
        }
        for (const room of this.rooms.all().filter(({ online }) => online)) {
            room.state = "lost";
        }
    }

    /** The connection is back. Other people whom the same outage cut off may take longer. */
    reconnected() {
        if (this.#outage !== null) {
            this.#connection("restored");
            this.#outage.over = true;
        }
    }

    #connection(note) {
        const { person } = this.#outage;
        if (person?.lastMessage) {
            this.#add(person, { note, id: this.#nextId++ });
        }
    }

    /** Adds a note of the page itself to a conversation. */
    note(thread, note) {
        thread.add({ ...note, id: this.#nextId++ });
    }

    /**
     * A person, perhaps the user, has another nick: all that is remembered of them goes on under it. The name of a
     * guest is the nick.
     */
    renamed(from, to) {
        const name = to.startsWith("~") ? to : undefined;
        if (this.me.nick === from) {
            this.me = { nick: to, name: name ?? this.me.name };
        }
        const person = this.#people.get(from);
        for (const room of this.rooms.all()) {
            const called = room.renamed(from, to, name);
            if (called) {
                this.note(room, { note: "renamed", name: name ? from : called, to });
            }
        }
        if (!person) {
            return null;
        }
        const called = name ? from : person.name;
        this.#people.delete(from);
        const before = this.#people.get(to);
        if (before) {
            // Another person had this nick before: that conversation stays.
            person.items.unshift(...before.items);
            person.draft ||= before.draft;
            person.unread += before.unread;
            this.#missing.delete(before);
        }
        person.nick = to;
        person.name = name ?? person.name;
        this.#people.set(to, person);
        if (this.open === from) {
            this.open = to;
        }
        if (person.lastMessage || this.open === to) {
            this.note(person, { note: "renamed", name: called, to });
        }
        return person;
    }

    /** Notes the people who have not come back after an outage, and returns them. */
    missing() {
        const people = [...this.#missing];
        this.#missing.clear();
        for (const person of people) {
            this.#note(person, "left");
        }
        return people;
    }

    /**
     * Takes the list of all people online, and returns those who came or left since the last list. After an
     * outage, people who have not reconnected yet do not count as having left.
     */
    setOnline(people) {
        const now = new Set(people.map(({ nick }) => nick));
        const gone = this.all().filter((person) => person.online && !now.has(person.nick));
        if (this.#outage?.over) {
            this.#outage = null;
            for (const person of gone) {
                person.online = false;
                this.#missing.add(person);
                this.#tidy(person);
            }
            gone.length = 0;
        }
        const changes = gone.map(({ nick }) => this.gone(nick));
        for (const { nick, name } of people) {
            changes.push(this.came(nick, name));
        }
        return changes.filter(Boolean);
    }

    /** Returns the person if that is news. */
    came(nick, name) {
        const person = this.#know(nick, name);
        if (!person) {
            return null;
        }
        person.name = name;
        if (person.online) {
            return null;
        }
        person.online = true;
        if (this.#missing.delete(person)) {
            return null;
        }
        this.#note(person, "back");
        return person;
    }

    /** Returns the person if that is news. */
    gone(nick) {
        const person = this.#people.get(nick);
        if (!person?.online) {
            return null;
        }
        person.online = false;
        this.#note(person, "left");
        this.#tidy(person);
        return person;
    }

    /** Forgets a person who left without a conversation. */
    #tidy(person) {
        if (person.items.length === 0 && person.draft === "" && person.nick !== this.open) {
            this.#people.delete(person.nick);
            this.#missing.delete(person);
        }
    }

    /** A message or an action that was just sent, and has not come back yet. */
    sending(nick, { action, text }) {
        const person = this.get(nick) ?? this.#know(nick, nick);
        const item = { mine: true, action, text, time: "", state: "sending", id: this.#nextId++ };
        this.#add(person, item);
        return item;
    }

    /** A message or an action from the server; `id` where it is the echo of one sent from here. */
    received({ sender, recipient, room, time, action, text, id }) {
        const mine = sender === this.me.nick;
        const other = mine ? recipient : sender;
        const thread = room === null ? this.#know(other, other) : this.rooms.get(room);
        if (!thread) {
            return null;
        }
        const sent = id === undefined ? undefined : thread.items.find((item) => item.id === id);
        if (sent) {
            Object.assign(sent, { text, time, state: "sent" });
        } else {
            const name = thread.members?.get(sender)?.name ?? this.#people.get(sender)?.name ?? sender;
            const from = thread.isRoom ? { nick: sender, name } : undefined;
            const isMention = thread.isRoom && !mine && mentions(text, this.me);
            this.#add(thread, { mine, from, isMention, action, text, time, state: "sent", id: this.#nextId++ });
        }
        return thread;
    }

    /** The last message of this person came while nobody looked. */
    markNew(person) {
        if (person.newSeen) {
            person.newFrom = person.lastMessage;
            person.newSeen = false;
        }
    }

    /** A conversation leaves the screen: what was new in it has been seen. */
    leave(nick) {
        const person = this.get(nick);
        if (person?.newSeen) {
            person.newFrom = null;
        }
    }

    /** A message did not arrive, or nobody knows whether it did. */
    failed(id, why) {
        for (const person of this.#threads()) {
            const item = person.items.find((candidate) => candidate.id === id);
            if (item) {
                Object.assign(item, { state: "failed", why });
                return person;
            }
        }
        return null;
    }

    discard(person, item) {
        person.items.splice(person.items.indexOf(item), 1);
    }

    /** The page cannot write to a nick that begins with `#`: the server would take it for a room. */
    #know(nick, name) {
        if (nick.startsWith("#")) {
            return null;
        }
        let person = this.#people.get(nick);
        if (!person) {
            person = new Person(nick, name);
            this.#people.set(nick, person);
        }
        return person;
    }

    #add(person, item) {
        person.add(item);
        if (!item.note) {
            person.touched = ++this.#clock;
        }
    }

    /** A conversation shows that its person came or left; people without one are not noted. */
    #note(person, note) {
        if (person.lastMessage || (person.nick === this.open && person.items.length + (note === "left") > 0)) {
            this.#add(person, { note, id: this.#nextId++ });
        }
    }

    /** Keeps the conversations over a reload of this tab. Drafts too; never the password. */
    store() {
        if (!this.me) {
            return;
        }
        const talks = this.all()
            .filter((person) => person.lastMessage || person.draft)
            .sort((a, b) => b.touched - a.touched)
            .slice(0, MAX_STORED_TALKS)
            .map(({ nick, name, online, unread, draft, newFrom, items }) => {
                const stored = items.slice(-MAX_STORED_ITEMS);
                return { nick, name, online, unread, draft, newAt: stored.indexOf(newFrom), items: stored };
            });
        const rooms = this.rooms.all().map(({ nick, state, isKeyed, topic, unread, draft, newFrom, items }) => {
            const stored = items.slice(-MAX_STORED_ITEMS);
            return { nick, state, isKeyed, topic, unread, draft, newAt: stored.indexOf(newFrom), items: stored };
        });
        keep(STORE, { me: this.me.nick, talks, rooms });
    }

    #restore(nick) {
        const stored = kept(STORE);
        if (stored?.me !== nick) {
            keep(STORE, null);
            return;
        }
        for (const talk of stored.talks.reverse()) {
            const person = this.#know(talk.nick, talk.name);
            person.online = talk.online;
            this.#restoreThread(person, talk);
        }
        for (const talk of stored.rooms ?? []) {
            const room = this.rooms.know(talk.nick);
            // Keys are not stored. Without its key, JOIN would create a room that is gone again, open to everybody.
            room.state = talk.isKeyed ? "out" : talk.state === "in" ? "lost" : talk.state;
            Object.assign(room, { isKeyed: talk.isKeyed, topic: talk.topic });
            this.#restoreThread(room, talk);
        }
    }

    #restoreThread(thread, { unread, draft, newAt, items }) {
        Object.assign(thread, { unread, draft });
        for (const item of items) {
            const state = item.state === "sending" ? "failed" : item.state;
            this.#add(thread, { ...item, state, id: this.#nextId++ });
        }
        thread.newFrom = thread.items[newAt] ?? null;
        thread.newSeen = thread.unread === 0;
    }
}

const LETTER = /[\p{L}\p{N}_]/u;

/** Whether a text contains the nick or the name of this person as a word. */
function mentions(text, { nick, name }) {
    const lower = text.toLowerCase();
    return [nick, name].map((word) => word.toLowerCase()).some((word) => {
        for (let at = lower.indexOf(word); at >= 0; at = lower.indexOf(word, at + 1)) {
            if (!LETTER.test(lower[at - 1] ?? " ") && !LETTER.test(lower[at + word.length] ?? " ")) {
                return true;
            }
        }
        return false;
    });
}
