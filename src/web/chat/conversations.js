// People and messages: the page's memory, bounded, without any markup.

/** Enough to scroll back through an evening; a page that stays open for weeks stays small. */
const MAX_ITEMS = 500;
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

/** A person, perhaps the user, and the conversation with them. */
class Person {
    online = false;
    unread = 0;
    draft = "";
    /** The first message that came while nobody looked: the "new" line stands before it. */
    newFrom = null;
    /** Whether the user has seen all that was new: the next message that nobody sees begins again. */
    newSeen = true;
    /** Order of the last message, among all conversations; 0 where there is none. */
    touched = 0;
    /** Messages and actions `{ mine, action, text, time, state, id }` and notes `{ note }`, oldest first. */
    items = [];

    constructor(nick, name) {
        this.nick = nick;
        this.name = name;
    }

    get lastMessage() {
        return this.items.findLast((item) => !item.note);
    }
}

export class Conversations {
    me = null;
    /** The nick whose conversation is on the screen; it is not tidied away. */
    open = null;
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
        this.#people.clear();
        this.#outage = null;
        this.#missing.clear();
    }

    get(nick) {
        return this.#people.get(nick);
    }

    /** All people who are online or have a conversation. */
    all() {
        return [...this.#people.values()];
    }

    unread() {
        return this.all().reduce((sum, person) => sum + person.unread, 0);
    }

    /** The connection is lost: noted once, in the conversation that is on the screen. */
    disconnected() {
        if (this.#outage === null && this.me) {
            this.#outage = { person: this.#people.get(this.open) };
            this.#connection("lost");
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
        const person = this.#know(nick, nick);
        const item = { mine: true, action, text, time: "", state: "sending", id: this.#nextId++ };
        this.#add(person, item);
        return item;
    }

    /** A message or an action from the server; `id` where it is the echo of one sent from here. */
    received({ sender, recipient, time, action, text, id }) {
        const mine = sender === this.me.nick;
        const person = this.#know(mine ? recipient : sender, mine ? recipient : sender);
        const sent = id === undefined ? undefined : person.items.find((item) => item.id === id);
        if (sent) {
            Object.assign(sent, { text, time, state: "sent" });
        } else {
            this.#add(person, { mine, action, text, time, state: "sent", id: this.#nextId++ });
        }
        return person;
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
        const person = this.#people.get(nick);
        if (person?.newSeen) {
            person.newFrom = null;
        }
    }

    /** A message did not arrive, or nobody knows whether it did. */
    failed(id, why) {
        for (const person of this.#people.values()) {
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

    #know(nick, name) {
        let person = this.#people.get(nick);
        if (!person) {
            person = new Person(nick, name);
            this.#people.set(nick, person);
        }
        return person;
    }

    #add(person, item) {
        person.items.push(item);
        person.items.splice(0, person.items.length - MAX_ITEMS);
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
        keep(STORE, { me: this.me.nick, talks });
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
            person.unread = talk.unread;
            person.draft = talk.draft;
            for (const item of talk.items) {
                const state = item.state === "sending" ? "failed" : item.state;
                this.#add(person, { ...item, state, id: this.#nextId++ });
            }
            person.newFrom = person.items[talk.newAt] ?? null;
            person.newSeen = person.unread === 0;
        }
    }
}
