// The right pane: one conversation, and the box that messages are written in.

import { $, announce, arrange, avatar, isolated, make, nameOf } from "./dom.js";
import { bytesLeft } from "./protocol.js";

/** From how many bytes left on the count is shown. */
const SHOW_LEFT_BELOW = 500;
/** Whoever has scrolled up further than this is reading, and is not pulled down. */
const NEAR_THE_END = 80;

export class Talk {
    #conversations;
    #actions;
    #person = null;
    #connected = false;
    /** The end is kept in sight, through new messages and when the log gets lower. */
    #pinned = true;
    #elements = new WeakMap();

    /** `actions` are `send(person, text)`, `discard(person, item)`, `back()` and `changed()`. */
    constructor(conversations, actions) {
        this.#conversations = conversations;
        this.#actions = actions;
        $("composer").addEventListener("submit", (event) => {
            event.preventDefault();
            this.#send();
        });
        $("text").addEventListener("input", () => this.#typed());
        $("text").addEventListener("keydown", (event) => {
            // While an input method composes, Enter belongs to it.
            if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
                event.preventDefault();
                this.#send();
            }
        });
        $("conversation").addEventListener("keydown", (event) => {
            if (event.key === "Escape" && !event.isComposing) {
                this.#actions.back();
            }
        });
        $("back").addEventListener("click", () => this.#actions.back());
        $("log").addEventListener("scroll", () => this.#scrolled(), { passive: true });
        $("to-end").addEventListener("click", () => {
            this.#scrollToEnd();
            $("text").focus();
        });
        new ResizeObserver(() => this.#pinned && this.#scrollToEnd()).observe($("log"));
    }

    get nick() {
        return this.#person?.nick ?? null;
    }

    /** Shows the conversation with this person, or none. */
    open(person) {
        this.#person = person;
        $("nobody").hidden = person !== null;
        $("talk").hidden = person === null;
        const log = $("log");
        if (!person) {
            log.replaceChildren();
            $("text").value = "";
            return;
        }
        // A live region would read the whole conversation out; what is there already is no news.
        log.setAttribute("aria-live", "off");
        log.replaceChildren();
        this.draw();
        this.#scrollToEnd();
        setTimeout(() => log.setAttribute("aria-live", "polite"), 100);
        $("text").value = person.draft;
        this.#typed();
    }

    /** Whether messages can go out. */
    setConnected(connected) {
        this.#connected = connected;
        this.draw();
    }

    draw() {
        const person = this.#person;
        if (!person) {
            return;
        }
        const self = person.nick === this.#conversations.me.nick;
        this.#drawHead(person, self);
        const log = $("log");
        log.setAttribute("aria-label", `Conversation with ${isolated(person.name)}`);
        const focusWasInside = log.contains(document.activeElement) && document.activeElement !== log;
        arrange(log, person.items.length === 0
            ? [this.#beginning(person, self)]
            : person.items.map((item, index) => this.#element(person, item, person.items[index - 1])));
        if (focusWasInside && !log.contains(document.activeElement)) {
            $("text").focus();
        }
        if (this.#pinned) {
            this.#scrollToEnd();
        }
        this.#hint();
    }

    /** Something new stands at the end; whoever reads further up is told by a button. */
    arrived() {
        $("to-end").hidden = this.#pinned;
    }

    #drawHead(person, self) {
        const status = !this.#connected ? "not connected"
            : self ? "notes to yourself" : person.online ? "online" : "has left";
        const looks = JSON.stringify([person.nick, person.name, status]);
        const head = $("talk-head");
        if (head.dataset.looks === looks) {
            return;
        }
        head.dataset.looks = looks;
        const title = make("h2", "talk-name");
        title.append(nameOf(person));
        const line = make("p", "talk-status");
        if (person.name !== person.nick) {
            line.append(make("bdi", "talk-nick", person.nick), " · ");
        }
        line.append(make("span", `status-${status.replaceAll(" ", "-")}`, status));
        const words = make("div", "talk-words");
        words.append(title, line);
        head.replaceChildren(avatar(person), words);
    }

    #beginning(person, self) {
        const note = make("p", "beginning");
        if (self) {
            note.textContent = "What you write here comes back to you alone.";
        } else {
            note.append("This is where your conversation with ", nameOf(person),
                " begins. Nobody else in this chat sees it, and the server keeps no copy.");
        }
        return note;
    }

    #element(person, item, before) {
        let element = this.#elements.get(item);
        if (!element) {
            element = make("div");
            this.#elements.set(item, element);
        }
        const joined = !item.note && before && !before.note && before.mine === item.mine;
        const looks = JSON.stringify([item, joined, this.#connected, person.name]);
        if (element.dataset.looks !== looks) {
            element.dataset.looks = looks;
            this.#paint(element, person, item, joined);
        }
        return element;
    }

    #paint(element, person, item, joined) {
        if (item.note) {
            element.className = "note";
            element.replaceChildren(...noteOf(person, item.note));
            return;
        }
        element.className = `message ${item.mine ? "mine" : "theirs"} ${item.state}${joined ? " joined" : ""}`;
        const who = make("span", "unseen");
        who.append(item.mine ? "You" : nameOf(person), ": ");
        const text = make("p", "bubble");
        text.dir = "auto";
        text.textContent = item.text;
        const foot = make("p", "foot");
        if (item.state === "failed") {
            foot.append(make("span", "failure", item.why ?? "Not confirmed: it may not have arrived."));
            foot.append(this.#button("Send again", !this.#connected, () => {
                this.#actions.discard(person, item);
                this.#actions.send(person, item.text);
                $("text").focus();
            }));
            foot.append(this.#button("Discard", false, () => this.#actions.discard(person, item)));
        } else {
            const time = make("time", "", item.state === "sending" ? "sending…" : item.time);
            foot.append(time);
        }
        element.replaceChildren(who, text, foot);
    }

    #button(text, disabled, act) {
        const button = make("button", "link", text);
        button.type = "button";
        button.disabled = disabled;
        button.addEventListener("click", act);
        return button;
    }

    #typed() {
        const box = $("text");
        this.#person.draft = box.value;
        // The box grows with its text; the style sheet says how far.
        box.style.height = "auto";
        box.style.height = `${box.scrollHeight + box.offsetHeight - box.clientHeight}px`;
        this.#hint();
        this.#actions.changed();
    }

    #send() {
        const text = $("text").value.trim();
        if (text === "") {
            return;
        }
        const obstacle = this.#obstacle();
        if (obstacle) {
            announce(obstacle);
            $("text").focus();
            return;
        }
        $("text").value = "";
        this.#typed();
        this.#actions.send(this.#person, text);
        this.#scrollToEnd();
        $("text").focus();
    }

    /** Why nothing can be sent now, or "". */
    #obstacle() {
        const over = -bytesLeft(this.#person.nick, $("text").value.trim());
        if (!this.#connected) {
            return "Not connected. What you write stays here.";
        }
        if (!this.#person.online) {
            return `${isolated(this.#person.name)} has left. You can write again when they are back.`;
        }
        return over > 0 ? `Too long: please take away ${over} ${over === 1 ? "byte" : "bytes"}.` : "";
    }

    #hint() {
        const text = $("text").value.trim();
        const left = bytesLeft(this.#person.nick, text);
        const obstacle = this.#obstacle();
        const soon = left < SHOW_LEFT_BELOW ? `${left} bytes left` : "";
        $("hint").textContent = obstacle || soon;
        $("hint").classList.toggle("alarm", left < 0);
        $("text").setAttribute("aria-invalid", String(left < 0));
        $("send").setAttribute("aria-disabled", String(text === "" || obstacle !== ""));
    }

    #scrolled() {
        const log = $("log");
        this.#pinned = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_THE_END;
        if (this.#pinned) {
            $("to-end").hidden = true;
        }
    }

    #scrollToEnd() {
        const log = $("log");
        this.#pinned = true;
        log.scrollTop = log.scrollHeight;
        $("to-end").hidden = true;
    }
}

/** What a note says: of the person, or of the connection. */
function noteOf(person, note) {
    return {
        left: [nameOf(person), " left."],
        back: [nameOf(person), " is back."],
        lost: ["Connection lost."],
        restored: ["Connection restored."],
    }[note];
}
