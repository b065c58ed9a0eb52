// The left pane: the user's rooms, conversations with the latest on top, then everyone else who is online.
//
// The list is one tab stop; arrow keys, Home and End move in it, Enter opens a conversation.
//
// While the mouse is over the list, rows keep their places: a message that comes at that moment must not
// put another person under a click.

import { $, alike, arrange, avatar, count, hasOtherNick, isolated, make, nameOf, rove } from "./dom.js";
import { offers } from "./features.js";
import { say } from "./words.js";

/** The number of rows shown, as each costs the browser; further people are found by searching. */
const MAX_ROWS = 200;
/** From how many people on searching is quicker than looking. */
const SEARCH_FROM = 8;

const byName = new Intl.Collator(undefined, { numeric: true });

export class People {
    #conversations;
    #open;
    /** By person or room: a person with another nick keeps the row. */
    #rows = new Map();
    /** Names that several people have. */
    #shared = new Set();
    #current = null;
    #connected = false;
    /** What the groups show, as long as the mouse holds the order. */
    #shown = { rooms: [], talks: [], others: [] };
    #held = false;

    /** `open` is called with the nick of the person that the user chooses. */
    constructor(conversations, open) {
        this.#conversations = conversations;
        this.#open = open;
        $("people-lists").addEventListener("click", (event) => this.#clicked(event));
        rove($("people-lists"), ".person");
        $("people-lists").addEventListener("pointermove", ({ pointerType }) => (this.#held = pointerType === "mouse"));
        $("people-lists").addEventListener("pointerleave", () => this.#release());
        // The hands are on the keyboard, wherever the mouse rests.
        document.addEventListener("keydown", () => this.#release());
        $("search").addEventListener("input", () => this.draw(this.#current, this.#connected));
        $("search").addEventListener("keydown", (event) => this.#searchKey(event));
    }

    /** Draws the list; `current` is the nick of the open conversation. */
    draw(current, connected) {
        this.#current = current;
        this.#connected = connected;
        const focused = document.activeElement;
        const { me } = this.#conversations;
        const all = this.#conversations.all();
        this.#shared = repeated(all.map(({ name }) => alike(name)));
        const wanted = $("search").value.trim().toLocaleLowerCase();
        const isFound = ({ nick, name }) => `${name}\n${nick}`.toLocaleLowerCase().includes(wanted);
        const rooms = this.#conversations.rooms.all().filter(isFound);
        const found = all.filter(isFound);
        const isTalk = (person) => {
            return person.touched > 0 || !person.online || (person.draft !== "" && person.nick !== current);
        };
        const talks = found.filter(isTalk).sort((a, b) => b.touched - a.touched);
        const others = found
            .filter((person) => !isTalk(person))
            .sort((a, b) => (a.nick === me.nick) - (b.nick === me.nick) || byName.compare(a.name, b.name));
        const shown = others.slice(0, MAX_ROWS);
        this.#shown = this.#held ? this.#inPlace(rooms, talks, shown) : { rooms, talks, others: shown };

        this.#group("rooms", this.#shown.rooms);
        this.#group("talks", this.#shown.talks);
        this.#group("others", this.#shown.others);
        for (const thread of this.#rows.keys()) {
            if (!this.#held && this.#conversations.get(thread.nick) !== thread) {
                this.#rows.delete(thread);
            }
        }
        const online = all.filter((person) => person.online).length;
        $("online-count").textContent = connected ? say("onlineCount", { n: online }) : say("notConnected");
        $("search-box").hidden = all.length < SEARCH_FROM && wanted === "";
        const alone = wanted === "" && all.every((person) => person.nick === me.nick);
        const more = others.length - shown.length;
        $("people-note").textContent = more > 0
            ? say("more", { n: more })
            : found.length + rooms.length === 0 && wanted !== ""
              ? say("nobodyFound")
              : alone
                ? say("alone")
                : "";
        this.#keepFocus(focused);
    }

    /** Moves the keyboard to the list: to this person, or wherever it was. */
    focus(nick) {
        const row = this.#rows.get(this.#conversations.get(nick)) ?? this.#buttons().find((button) => button.tabIndex === 0);
        (row ?? $("people-heading")).focus();
    }

    /** The same people as before in the same places, after they have left, too; new people come behind them. */
    #inPlace(rooms, talks, others) {
        const known = new Set([...this.#shown.talks, ...this.#shown.others].map(({ nick }) => nick));
        const now = (person) => this.#conversations.get(person.nick) ?? person;
        return {
            rooms: [...this.#shown.rooms, ...rooms.filter((room) => !this.#shown.rooms.includes(room))],
            talks: this.#shown.talks.map(now),
            others: [...this.#shown.others.map(now), ...[...talks, ...others].filter(({ nick }) => !known.has(nick))],
        };
    }

    #release() {
        if (this.#held) {
            this.#held = false;
            this.draw(this.#current, this.#connected);
        }
    }

    #group(id, people) {
        arrange($(id), people.map((person) => this.#row(person).parentElement));
        $(`${id}-group`).hidden = people.length === 0 && !(id === "rooms" && offers("rooms"));
    }

    #row(person) {
        let row = this.#rows.get(person);
        if (!row) {
            row = make("button", "person");
            row.type = "button";
            row.tabIndex = -1;
            make("li").append(row);
            this.#rows.set(person, row);
        }
        const looks = JSON.stringify(this.#looks(person));
        if (row.dataset.looks !== looks) {
            row.dataset.looks = looks;
            this.#paint(row, person);
        }
        return row;
    }

    /** Everything that a row shows. */
    #looks(person) {
        const last = person.lastMessage;
        const self = person.nick === this.#conversations.me.nick;
        const about = person.isRoom ? person.topic || statusOf(person) : self ? say("notes") : hasOtherNick(person) ? person.nick : "";
        const snippet = last ? beginning(last, last.mine ? this.#conversations.me : last.from ?? person) : about;
        return {
            nick: person.nick,
            name: person.name,
            self,
            online: person.online,
            unread: person.unread,
            draft: person.draft !== "" && person.nick !== this.#current,
            failed: last?.state === "failed",
            time: last?.time.slice(0, 5) ?? "",
            snippet,
            // The last message stands where the nick would be.
            alias: last && !person.isRoom && this.#shared.has(alike(person.name)) ? person.nick : "",
            current: person.nick === this.#current,
            status: statusOf(person),
        };
    }

    #paint(row, person) {
        const { self, online, unread, draft, failed, time, snippet, alias, current, status } = this.#looks(person);
        row.dataset.nick = person.nick;
        row.classList.toggle("gone", !online);
        row.classList.toggle("has-unread", unread > 0);
        if (current) {
            row.setAttribute("aria-current", "true");
        } else {
            row.removeAttribute("aria-current");
        }
        const face = make("span", "face");
        face.append(avatar(person));
        if (!person.isRoom) {
            face.append(make("span", online ? "dot on" : "dot"));
        }
        const name = make("span", "person-name");
        name.append(nameOf(person));
        if (alias) {
            name.append(" ", make("bdi", "alias", alias));
        }
        if (self) {
            name.append(make("span", "tag", say("you")));
        }
        name.append(make("span", "unseen", `, ${status}`));
        const line = make("span", "person-line");
        line.append(make("bdi", "", draft ? say("draft", { text: person.draft.slice(0, 120) }) : snippet));
        line.classList.toggle("alarm", failed);
        const side = make("span", "person-side");
        side.append(make("span", "person-time", time));
        if (unread > 0) {
            const badge = make("span", "badge", count(unread));
            badge.append(make("span", "unseen", say("unread", { n: unread }).replace(String(unread), "")));
            side.append(badge);
        }
        row.replaceChildren(face, name, line, side);
    }

    #clicked(event) {
        const row = event.target.closest(".person");
        if (row) {
            this.#held = false;
            this.#open(row.dataset.nick);
        }
    }

    #searchKey(event) {
        if (event.key === "ArrowDown" || event.key === "Enter") {
            event.preventDefault();
            this.#buttons()[0]?.focus();
        } else if (event.key === "Escape" && $("search").value !== "") {
            event.preventDefault();
            event.stopPropagation();
            $("search").value = "";
            this.draw(this.#current, this.#connected);
        }
    }

    /** A row that moves up in the list takes the focus along, and one row can always be tabbed to. */
    #keepFocus(focused) {
        if (focused?.isConnected && focused.matches(".person") && document.activeElement !== focused) {
            focused.focus({ preventScroll: true });
        }
        const buttons = this.#buttons();
        if (!buttons.some((button) => button.tabIndex === 0) && buttons.length > 0) {
            (this.#rows.get(this.#conversations.get(this.#current)) ?? buttons[0]).tabIndex = 0;
        }
    }

    #buttons() {
        return [...$("people-lists").querySelectorAll(".person")];
    }
}

function statusOf(thread) {
    if (thread.isRoom) {
        return thread.online ? say("roomCount", { n: thread.count }) : say("notInRoom");
    }
    return say(thread.online ? "isOnline" : "hasLeft");
}

/** The beginning of a message or an action by this person, for a row of the list. */
function beginning({ mine, from, action, text }, { name }) {
    const shown = text.slice(0, 120);
    if (action) {
        return `${isolated(name)} ${shown}`;
    }
    return mine ? say("yours", { text: shown }) : from ? `${isolated(name)}: ${shown}` : shown;
}

/** What is in a list more than once. */
function repeated(list) {
    const seen = new Set();
    return new Set(list.filter((item) => seen.has(item) || !seen.add(item)));
}
